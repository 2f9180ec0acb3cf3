"""What can go wrong in the gateway, as one tree.

AigwError
├── ConfigError            the operator's file or environment is wrong: the start stops
├── Refusal                the gateway answers the caller itself, before or instead of an upstream
│   ├── Unauthorized       401 missing_access_key, invalid_access_key
│   ├── InvalidBody        400 invalid_body
│   ├── NoCredentials      400 no_credentials
│   ├── LossyTranslation   400 lossy_translation
│   ├── NotAllowed         403 not_allowed
│   ├── NotFound           404 unknown_model, unknown_provider, unknown_route
│   ├── MethodNotAllowed   405 method_not_allowed
│   ├── RequestTimeout     408 request_timeout
│   ├── TooLarge           413 input_too_large, 431 headers_too_large
│   ├── BadRequest         400 bad_request (not HTTP, or HTTP that is not to be trusted), invalid_header
│   ├── InternalError      500 internal_error
│   ├── Overloaded         503 overloaded
│   ├── Unreachable        502 upstream_unreachable
│   ├── AllFailed          503 all_candidates_failed
│   ├── AllCooling         503 or 429 all_candidates_cooling
│   └── TotalTimeout       504 timeout
└── AttemptFailed          one attempt at one upstream failed; `helps` says whether another may do better
    ├── ConnectFailed      DNS, TCP, TLS or proxy: nothing reached the upstream
    ├── ConnectionClosed   the connection went away before an answer
    ├── AttemptTimeout     nothing came in time
    ├── BadAnswer          what came is not HTTP, is over a limit, or is an error dressed as success
    └── AnswerBroken       the answer stopped after bytes of it had gone to the caller: nothing helps now

The store has a tree of its own below AigwError: aigw.store.errors.
"""

from __future__ import annotations

import enum
from typing import ClassVar


class Helps(enum.Enum):
    """Where to go after a failed attempt: SPEC.md, "Failover"."""

    NEXT_KEY = "next key"
    NEXT_MODEL = "next model"
    NOTHING = "nothing"


class AigwError(Exception):
    """Root of everything this package raises on purpose."""


class ConfigError(AigwError):
    """The configuration cannot be used; the message names the place and the way out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refusal(AigwError):
    """An answer the gateway gives itself, rendered in the caller's own format.

    `message` is one or two sentences that say what to do next; `param` is the offending field
    (OpenAI's `error.param`); `retry_after` is in whole seconds.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        param: str | None = None,
        retry_after: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = code or self.code
        self.http_status = status or self.status
        self.param = param
        self.retry_after = retry_after
        self.headers = headers


class Unauthorized(Refusal):
    """No access key, or none we know."""

    status = 401
    code = "invalid_access_key"


class InvalidBody(Refusal):
    """The body is not the JSON (or the form) that the path asks for."""

    code = "invalid_body"


class NoCredentials(Refusal):
    """No provider key and no managed inference for the chosen provider."""

    code = "no_credentials"


class LossyTranslation(Refusal):
    """The request cannot reach the provider without loss, or not in this format at all."""

    code = "lossy_translation"


class NotAllowed(Refusal):
    """The access key may not call this provider or model."""

    status = 403
    code = "not_allowed"


class NotFound(Refusal):
    """No such model, provider or path."""

    status = 404
    code = "unknown_route"


class MethodNotAllowed(Refusal):
    """The path exists, with another method."""

    status = 405
    code = "method_not_allowed"


class RequestTimeout(Refusal):
    """The caller took too long to send its request."""

    status = 408
    code = "request_timeout"


class TooLarge(Refusal):
    """The body, the head or the estimated input is over its limit."""

    status = 413
    code = "input_too_large"


class BadRequest(Refusal):
    """Bytes that are not HTTP, or HTTP whose framing two parsers could read differently."""

    code = "bad_request"


class InternalError(Refusal):
    """A fault of the gateway's own."""

    status = 500
    code = "internal_error"


class Overloaded(Refusal):
    """The gateway takes no more work now."""

    status = 503
    code = "overloaded"


class Unreachable(Refusal):
    """The only candidate could not be reached."""

    status = 502
    code = "upstream_unreachable"


class AllFailed(Refusal):
    """Every candidate was tried; the message lists the attempts."""

    status = 503
    code = "all_candidates_failed"


class AllCooling(Refusal):
    """No candidate may be asked now: each rests after failures or a rate limit, or the retry budget is empty."""

    status = 503
    code = "all_candidates_cooling"


class TotalTimeout(Refusal):
    """The time for all attempts together is over."""

    status = 504
    code = "timeout"


class AttemptFailed(AigwError):
    """One attempt at one upstream failed. `reason` is a short stable word for logs and metrics.

    `trouble` is the upstream's own account of it (`wire.format.Trouble`), where its status did not tell.
    """

    helps: Helps = Helps.NEXT_KEY

    def __init__(self, reason: str, detail: str = "", trouble: object = None) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.trouble = trouble


class ConnectFailed(AttemptFailed):
    """DNS, TCP, TLS or the proxy failed: nothing of the request reached the upstream."""


class ConnectionClosed(AttemptFailed):
    """The upstream closed the connection before it answered."""


class AttemptTimeout(AttemptFailed):
    """The upstream was silent for longer than the limit."""


class BadAnswer(AttemptFailed):
    """The upstream's answer cannot be used: not HTTP, over a limit, or an error dressed as success."""


class AnswerBroken(AttemptFailed):
    """The answer stopped midway, after some of it had gone to the caller.

    `told`: the caller got the upstream's own event of it, so that there is nothing to add. `proper`: and its SDK has
    understood, so that the body may end as bodies do.
    """

    helps = Helps.NOTHING
    told = False
    proper = False

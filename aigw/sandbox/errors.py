"""How each API says no: status, body and the headers it puts on every answer.

Exception
└── Refused          a request the imitated API would not take; carries a Problem
"""

from collections.abc import Callable

import orjson
from attrs import frozen

# Error types by HTTP status, as documented ("errors" pages of OpenAI and Anthropic, google.rpc.Code).
_OPENAI_TYPES = {
    401: "invalid_request_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "invalid_request_error",
    408: "timeout_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
_OPENAI_CODES = {401: "invalid_api_key", 402: "insufficient_quota", 429: "rate_limit_exceeded"}
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_GEMINI_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}

_MESSAGES = {
    402: "You exceeded your current quota, please check your plan and billing details.",
    403: "You are not allowed to do this.",
    404: "The model does not exist or you do not have access to it.",
    408: "The request timed out.",
    413: "The request is too large.",
    429: "Rate limit reached for requests. Please try again later.",
    500: "The server had an error while processing your request.",
    503: "The model is overloaded. Please try again later.",
    529: "Overloaded",
}


@frozen
class Problem:
    """One thing wrong with a request, in no dialect; code and param are there where an API has them."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None


class Refused(Exception):
    """The imitated API does not take this request."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(status, message, code, param)


def asked_for(status: int) -> Problem:
    """The problem of that status, in the words providers use for it."""
    return Problem(status, _MESSAGES.get(status) or f"The sandbox was asked for a {status}.")


@frozen
class Dialect:
    """What one API puts around its answers: the error body, the name of its request id, its own headers."""

    error: Callable[[Problem, str], bytes]
    bad_key: str
    request_id: str
    headers: tuple[tuple[str, str], ...]


def openai_error(problem: Problem) -> dict[str, object]:
    """The object under `error` in an OpenAI body: message, type, param, code."""
    kind = "server_error" if problem.status >= 500 else _OPENAI_TYPES.get(problem.status, "invalid_request_error")
    code = problem.code or _OPENAI_CODES.get(problem.status)
    return {"message": problem.message, "type": kind, "param": problem.param, "code": code}


def anthropic_error(problem: Problem, request_id: str) -> dict[str, object]:
    """An Anthropic error body, the same in an answer and in a stream's `error` event."""
    fallback = "api_error" if problem.status >= 500 else "invalid_request_error"
    kind = _ANTHROPIC_TYPES.get(problem.status, fallback)
    error = {"details": None, "type": kind, "message": problem.message}
    return {"type": "error", "error": error, "request_id": request_id}


def gemini_error(problem: Problem) -> dict[str, object]:
    """A Gemini error body; `status` is the name of the google.rpc code."""
    fallback = "INTERNAL" if problem.status >= 500 else "INVALID_ARGUMENT"
    error: dict[str, object] = {
        "code": problem.status,
        "message": problem.message,
        "status": _GEMINI_STATUSES.get(problem.status, fallback),
    }
    if problem.code is not None:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": problem.code}
        error["details"] = [{**info, "domain": "googleapis.com"}]
    return {"error": error}


# Cookies and organisation ids are there because real answers carry them and a gateway must not pass them on.
_COOKIE = ("set-cookie", "__sandbox=1; path=/; HttpOnly")

OPENAI = Dialect(
    error=lambda problem, _: orjson.dumps({"error": openai_error(problem)}),
    bad_key="Incorrect API key provided: sk-***. Find your API key in your account settings.",
    request_id="x-request-id",
    headers=(
        _COOKIE,
        ("openai-organization", "org-sandbox"),
        ("openai-processing-ms", "1"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-reset-requests", "6ms"),
    ),
)
ANTHROPIC = Dialect(
    error=lambda problem, request_id: orjson.dumps(anthropic_error(problem, request_id)),
    bad_key="invalid x-api-key",
    request_id="request-id",
    headers=(
        _COOKIE,
        ("anthropic-organization-id", "org-sandbox"),
        ("anthropic-ratelimit-requests-limit", "4000"),
        ("anthropic-ratelimit-requests-remaining", "3999"),
    ),
)
GEMINI = Dialect(
    error=lambda problem, _: orjson.dumps(gemini_error(problem), option=orjson.OPT_INDENT_2),
    bad_key="API key not valid. Please pass a valid API key.",
    request_id="x-request-id",
    headers=(("vary", "Origin, X-Origin, Referer"), ("server-timing", "gfet4t7; dur=1")),
)

"""What can go wrong with a call of the control API, and what its caller is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aigw.control.message import Answer, refusal
from aigw.errors import AigwError
from aigw.store.errors import BadExport, Conflict, Invalid, NotFound, StoreUnavailable, Unsealable

# Every code of the control API, its status and when it is told. The reference has the same table.
CODES: Mapping[str, tuple[int, str]] = {
    "badRequest": (400, "not HTTP/1.1, or not for a path"),
    "invalidBody": (400, "not JSON, a member of the wrong type, or one that is unknown; `msg` has the place"),
    "invalidValue": (400, "a value that cannot be kept; `details.field` names it"),
    "invalidQuery": (400, "a parameter that is unknown, comes twice or has no such value"),
    "unauthorized": (401, "no API key, or none that is known"),
    "forbidden": (403, "needs an operator's API key"),
    "notFound": (404, "no such thing, or not in this account"),
    "methodNotAllowed": (405, "`allow` names the methods of the path"),
    "duplicate": (409, "`details.ids` is there under this name already"),
    "referenced": (409, "`details.ids` use it"),
    "inUse": (409, "an account that holds something, or the default one"),
    "declaredInFile": (409, "declared in the configuration: change it there"),
    "lengthRequired": (411, "a body in chunks"),
    "stale": (412, "it has changed since the revision in `if-match`"),
    "bodyTooLarge": (413, "the body is larger than 1 MiB"),
    "unsupportedMediaType": (415, "the body is not `application/json`"),
    "invalidConfiguration": (422, "what `/reload` read cannot be put in force; nothing has changed"),
    "tooManyCalls": (429, "so many calls of the account are under way already; `retry-after` says how long"),
    "tooManyFailures": (429, "too many wrong API keys from this address; `retry-after` says how long"),
    "headersTooLarge": (431, "the head is larger than 16 KiB"),
    "internal": (500, "the log says why"),
    "upstreamFailed": (502, "a provider did not answer as it was expected to"),
    "storeUnavailable": (503, "the store does not answer; a change may or may not have happened"),
    "unavailable": (503, "this gateway cannot do it now; `msg` says why"),
}

# RFC 9110, section 11.6.1: who is refused for want of a credential is told which.
_ASKED = (("www-authenticate", "Bearer"),)
_LATER = (("retry-after", "1"),)


class ApiError(AigwError):
    """A refusal by the API itself."""

    def __init__(
        self,
        code: str,
        message: str,
        details: Mapping[str, object] | None = None,
        *,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or {}
        self.headers = headers

    @property
    def answer(self) -> Answer:
        """What the caller is told."""
        status = CODES[self.code][0]
        asked = _ASKED if status == HTTPStatus.UNAUTHORIZED else ()
        return refusal(status, self.code, self.message, self.details).extended(*asked, *self.headers)


def told(error: AigwError, names: Mapping[str, str]) -> Answer:
    """What a caller is told of an error raised on purpose; `names` are fields by their names in the API."""
    if isinstance(error, ApiError):
        return error.answer
    if isinstance(error, NotFound):
        return missing(error.what).answer
    if isinstance(error, Invalid):
        return _invalid(error, names).answer
    if isinstance(error, Conflict):
        details = {"ids": list(error.ids)} if error.ids else {}
        return ApiError(camel(error.reason), str(error), details).answer
    if isinstance(error, Unsealable | BadExport):
        return ApiError("internal", "Something in the store cannot be read; the log says more.").answer
    if isinstance(error, StoreUnavailable):
        return ApiError("storeUnavailable", "The store does not answer; requests go on.", headers=_LATER).answer
    return ApiError("unavailable", str(error), headers=_LATER).answer


def missing(what: str) -> ApiError:
    """Something is not there, or not in this account: which of the two is not told."""
    return ApiError("notFound", f"There is no such {what}.")


def _invalid(error: Invalid, names: Mapping[str, str]) -> ApiError:
    if error.field in ("id", "account"):
        return missing("thing")
    field = field_name(error.field, names)
    return ApiError("invalidValue", f"{field}: {error.message}", {"field": field})


def field_name(field: str, names: Mapping[str, str]) -> str:
    """A field of a spec by its name in the API: `rules[0].steps` → `router.rules[0].steps`."""
    first, rest = re.fullmatch(r"([a-z_.]*)(.*)", field, re.DOTALL).groups()  # type: ignore[union-attr]
    return camel(names.get(first, first)) + camel(rest)


def camel(name: str) -> str:
    """`base_url` → `baseUrl`."""
    return re.sub("_([a-z0-9])", lambda found: found[1].upper(), name)


def camel_keys(value: Any) -> Any:
    """The same JSON value with every key in the API's spelling."""
    if isinstance(value, dict):
        return {camel(name): camel_keys(each) for name, each in value.items()}
    return [camel_keys(each) for each in value] if isinstance(value, list | tuple) else value

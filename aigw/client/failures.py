"""What does an operator read when the control API did not do what was asked: what is wrong, and what to do next."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any

from aigw.client.endpoint import Endpoint, Target
from aigw.errors import AigwError
from aigw.printing import printable

# Status → what to do next, where the API's own message cannot know how it was called.
_NEXT = {
    401: "It is the key of {source}. An access key is no API key; aigw store operator-key makes an operator's anew",
    403: "An operator's key may: that of the first start is in operator-key, in the gateway's data_dir",
    503: "Requests of apps go on meanwhile; try again, and look at /readyz",
}
_NEXT_BY_CODE = {
    "stale": "Somebody changed it meanwhile: look at it again",
}


class CallFailed(AigwError):
    """The control API was not reached, or refused. `status` is 0 when there was no answer."""

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def refused(status: int, body: Mapping[str, Any], target: Target) -> CallFailed:
    """An error as the API tells it, with its details and the way out."""
    if "errorCode" not in body and "msg" not in body:
        return not_this_api(target.endpoint)
    code = str(body.get("errorCode", ""))
    message = str(body.get("msg") or code)
    # A list of what is wrong comes indented already.
    lines = [*(line.strip() for line in message.splitlines()), *_details(body.get("details"), message)]
    following = _NEXT_BY_CODE.get(code) or _NEXT.get(status)
    if following:
        lines.append(following.format(source=target.source))
    return CallFailed(
        "\n".join(f"  {printable(line)}" if at else printable(line) for at, line in enumerate(lines)), status, code
    )


def _details(details: object, message: str) -> list[str]:
    """What the message does not say already."""
    if not isinstance(details, Mapping):
        return []
    told = []
    for name, value in details.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if shown not in message:
            told.append(f"{name}: {shown}")
    return told


def unreachable(endpoint: Endpoint, method: str, error: Exception) -> CallFailed:
    """Nobody answered, or not to the end."""
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return CallFailed(
            f"nothing listens at {endpoint}: is the gateway running, and is this its control address"
            " (server.control)? --url names another"
        )
    if isinstance(error, TimeoutError):
        what = "did not answer in time"
    elif isinstance(error, OSError) and error.strerror:
        what = f"cannot be asked: {getattr(error, 'reason', None) or error.strerror}"
    else:
        what = f"broke off ({type(error).__name__})" if isinstance(error, http.client.HTTPException) else str(error)
    unsure = "" if method == "GET" else ". Whether the change was made is not known: look before you try again"
    return CallFailed(f"{endpoint} {what}{unsure}")


def not_this_api(endpoint: Endpoint) -> CallFailed:
    """Somebody else answered."""
    return CallFailed(
        f"{endpoint} answers, but not as a control API does: is it the control address (server.control), not the one"
        " that apps call?"
    )

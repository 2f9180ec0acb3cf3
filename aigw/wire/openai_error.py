"""The members of OpenAI's `error` object, which all of OpenAI's surfaces share.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from typing import Any

from aigw.wire.format import Trouble

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
    504: "timeout_error",
}


def error_object(trouble: Trouble) -> dict[str, Any]:
    """The members of OpenAI's `error`."""
    fallback = "server_error" if trouble.status >= 500 else "invalid_request_error"
    # Google's words for a status (`RESOURCE_EXHAUSTED`) are the code; none of OpenAI's types is in capitals.
    kind = None if trouble.type is None or trouble.type.isupper() else trouble.type
    return {
        "message": trouble.message,
        "type": kind or _TYPES.get(trouble.status, fallback),
        "param": trouble.param,
        "code": trouble.code,
    }

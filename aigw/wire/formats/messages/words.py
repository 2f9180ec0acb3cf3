"""Anthropic Messages.

Sources: https://docs.claude.com/en/api/errors, .../en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.wire.answer import error_of
from aigw.wire.ending import Ending, Last, Start
from aigw.wire.format import Trouble, Verdict
from aigw.wire.formats.messages.troubles import STATUSES

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_CATCH_ALL = "invalid_request_error"
_PREAMBLE = frozenset({"message_start", "ping"})
_SAYS_NOTHING = frozenset({"ping", "[DONE]"})


class _Event(msgspec.Struct, gc=False):
    type: Any = None
    content_block: Any = None


_decode = msgspec.json.Decoder(_Event).decode
_encode = msgspec.json.Encoder().encode


def _type_of(trouble: Trouble) -> str:
    """The upstream's own word, if it is one of Anthropic's and fits the status; else the status's."""
    fallback = "api_error" if trouble.status >= 500 else _CATCH_ALL
    usual = _TYPES.get(trouble.status, fallback)
    said = STATUSES.get(trouble.type or "")
    # To OpenAI and others, `invalid_request_error` is whatever is the caller's fault: a wrong key, a wrong name.
    if trouble.type is None or trouble.type == _CATCH_ALL or said is None or said // 100 != trouble.status // 100:
        return usual
    return trouble.type


class Words:
    """Errors as `{"type":"error","error":{"type","message"},"request_id"}`; in a stream as `event: error`."""

    name = "messages"
    cuts_after_error = False
    begins_with = Start(b"message_start", rb"event: ?message_start")  # SDKs go by the name
    reads_loosely = False
    keep_alive = b'event: ping\ndata: {"type": "ping"}\n\n'

    def error(self, trouble: Trouble) -> bytes:
        """The body of an error answer. An upstream's own word for its kind stays if it is one of Anthropic's.

        The code goes where the SDK looks for one: `error.details.error_code`.
        """
        error = {
            "type": _type_of(trouble),
            "message": trouble.message,
            "details": {"error_code": trouble.code},
        }
        return _encode({"type": "error", "error": error, "request_id": trouble.request_id})

    def stream_error(self, trouble: Trouble, after: bytes = b"") -> bytes:
        """An `error` event; without its `event:` line the SDK would ignore it."""
        return b"event: error\ndata: " + self.error(trouble) + b"\n\n"

    def judge(self, event: str | None, data: bytes) -> Verdict:
        """`message_start`, `ping` and the start of an empty block come before anything was generated."""
        try:
            read = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Verdict.CONTENT
        if read.type == "error" or event == "error":
            return Verdict.ERROR
        begun = read.type in _PREAMBLE or (read.type == "content_block_start" and _is_empty(read.content_block))
        return Verdict.PREAMBLE if begun else Verdict.CONTENT

    def ending(self, last: Sequence[Last]) -> Ending:
        """`message_stop`; behind it pings, and OpenAI's `[DONE]` of some servers. Errors are known by their name."""
        ended = False
        for each in last:
            if self.is_error(each):
                return Ending.HEARD if each.name == "error" and not each.left_open else Ending.UNHEARD
            kind = each.answer.type if each.answer is not None else None
            if kind == "message_stop":  # also without its blank line: it tells nothing that was not told before
                ended = True
            elif kind not in _SAYS_NOTHING:
                break
        return Ending.WHOLE if ended else Ending.CUT

    def is_error(self, last: Last) -> bool:
        """An event of that name or type; SDKs pass over one that has no name."""
        return last.name == "error" or (last.answer is not None and error_of(last.answer) is not None)


def _is_empty(block: Any) -> bool:
    """Whether a block is one of text or thinking that has none yet."""
    if not isinstance(block, dict) or block.get("type") not in ("text", "thinking"):
        return False
    return not (block.get("text") or block.get("thinking") or block.get("citations"))

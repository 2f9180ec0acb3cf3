"""OpenAI Responses.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.wire.ending import Ending, Last, Start
from aigw.wire.format import Trouble, Verdict
from aigw.wire.openai_error import error_object

_PREAMBLE = frozenset(
    {
        *("response.created", "response.in_progress", "response.queued", "keepalive"),
        *("response.content_part.added", "response.reasoning_summary_part.added"),
    }
)
_OPEN_EMPTY = frozenset({"message", "reasoning"})
_ERRORS = frozenset({"error", "response.failed"})
_ENDS = frozenset({"response.completed", "response.incomplete", "response.cancelled"})
_SAYS_NOTHING = frozenset({"keepalive", "[DONE]"})
# Quotes inside of texts are escaped.
_NUMBER = re.compile(rb'"sequence_number":\s?(\d{1,15})')


class _Item(msgspec.Struct, gc=False):
    type: Any = None


class _Event(msgspec.Struct, gc=False):
    type: Any = None
    error: Any = None
    item: _Item | None = None


_decode = msgspec.json.Decoder(_Event).decode
_encode = msgspec.json.Encoder().encode


class Words:
    """Error answers as in Chat Completions; in a stream a typed `error` event, and then the connection is cut.

    The official SDK hands a typed error to its user as one more event and takes a clean end for success, so only
    the cut makes it raise.
    """

    name = "responses"
    cuts_after_error = True
    begins_with = Start(b'"response.created"', rb'data: ?\{\s?"type":\s?"response\.created"')  # SDKs go by the type
    reads_loosely = False
    keep_alive = b": keep-alive\n\n"

    def error(self, trouble: Trouble) -> bytes:
        """The body of an error answer."""
        return _encode({"error": error_object(trouble)})

    def stream_error(self, trouble: Trouble, after: bytes = b"") -> bytes:
        """The `error` event. Its number is the next one; where the last is not known, it has none to lie about."""
        data: dict[str, Any] = {
            "type": "error",
            "code": trouble.code,
            "message": trouble.message,
            "param": trouble.param,
        }
        numbers = _NUMBER.findall(after)
        if numbers:
            data["sequence_number"] = int(numbers[-1]) + 1
        return b"event: error\ndata: " + _encode(data) + b"\n\n"

    def judge(self, event: str | None, data: bytes) -> Verdict:
        """`response.created`, `.in_progress` and items that open empty come before anything was generated."""
        try:
            read = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Verdict.CONTENT
        if read.type in _ERRORS or (read.type is None and read.error is not None):
            return Verdict.ERROR
        opened = read.type == "response.output_item.added" and read.item is not None and read.item.type in _OPEN_EMPTY
        return Verdict.PREAMBLE if opened or read.type in _PREAMBLE else Verdict.CONTENT

    def ending(self, last: Sequence[Last]) -> Ending:
        """One of the events that hold the whole response; behind it OpenAI's `[DONE]` of some servers.

        To the SDK an `error` event is one like any other, so it is told of that only by the cut.
        """
        for each in last:
            answer = each.answer
            kind = answer.type if answer is not None else None
            if kind in _SAYS_NOTHING:
                continue
            if kind in _ENDS:
                return Ending.CUT if each.left_open else Ending.WHOLE
            if kind == "response.failed" and not each.left_open:
                return Ending.FAILED
            if self.is_error(each):
                return Ending.UNHEARD if each.bare or each.left_open else Ending.HEARD
            break
        return Ending.CUT

    def is_error(self, last: Last) -> bool:
        """An event of that type, a failed response, or an error object alone."""
        answer = last.answer
        return answer is not None and (answer.type in _ERRORS or (answer.type is None and answer.error is not None))

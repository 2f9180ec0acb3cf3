"""OpenAI Chat Completions, and the OpenAI surfaces that share its errors.

Sources: https://platform.openai.com/docs/api-reference/chat, .../docs/guides/error-codes
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.wire.answer import error_of
from aigw.wire.ending import Ending, Last, Parts
from aigw.wire.format import Trouble, Verdict
from aigw.wire.openai_error import error_object

# Members of a delta that are there before anything was generated.
_EMPTY: tuple[Any, ...] = (None, "", [], {})


class _Choice(msgspec.Struct, gc=False):
    delta: Any = None
    text: Any = None
    finish_reason: Any = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode
_encode = msgspec.json.Encoder().encode


class Words:
    """Errors as `{"error":{"message","type","param","code"}}`; in a stream the same as data, which SDKs raise."""

    name = "chat"
    cuts_after_error = False
    begins_with = None
    reads_loosely = False
    keep_alive = b": keep-alive\n\n"

    def error(self, trouble: Trouble) -> bytes:
        """The body of an error answer."""
        return _encode({"error": error_object(trouble)})

    def stream_error(self, trouble: Trouble, after: bytes = b"") -> bytes:
        """An error event; the stream then ends without `[DONE]`."""
        return b"data: " + self.error(trouble) + b"\n\n"

    def judge(self, event: str | None, data: bytes) -> Verdict:
        """A chunk without choices, or with only a role, is preamble."""
        if data == b"[DONE]":
            return Verdict.CONTENT
        try:
            chunk = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Not ours to read: the caller's SDK decides about it, as it would without a gateway.
            return Verdict.CONTENT
        if chunk.error is not None or event == "error":
            return Verdict.ERROR
        return Verdict.CONTENT if any(map(_says_something, chunk.choices or ())) else Verdict.PREAMBLE

    def ending(self, last: Sequence[Last]) -> Ending:
        """`[DONE]`; or, as there are servers without it (Perplexity), an end of every choice."""
        done, choices = False, Parts()
        for each in last:
            answer = each.answer
            if answer is None:
                continue
            if self.is_error(each):
                return Ending.HEARD if answer.error and not (each.bare or each.left_open) else Ending.UNHEARD
            if answer.type == "[DONE]":
                done = True
            elif answer.choices and not each.left_open:
                choices.show(answer.choices)
                if done:
                    break
            done = done or answer.object == "chat.completion.done"
        return Ending.WHOLE if done or choices.whole else Ending.CUT

    def is_error(self, last: Last) -> bool:
        """An `error` member, wherever servers put it, or an event of that name."""
        answer = last.answer
        return answer is not None and (last.name == "error" or error_of(answer) is not None)


def _says_something(choice: _Choice) -> bool:
    delta = choice.delta if isinstance(choice.delta, dict) else {}
    if choice.finish_reason not in _EMPTY or choice.text not in _EMPTY:
        return True
    return any(key != "role" and value not in _EMPTY for key, value in delta.items())

"""The way of one request through the gateway where caller and provider speak different formats.

`Asking` is the caller's request, read once; `asking.ask` writes it for one candidate. `Lane` is the way back: the
provider's answer becomes the caller's, whole or as a stream in any slicing.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from aigw.errors import InvalidBody
from aigw.wire import fold
from aigw.wire.arrange import arrange
from aigw.wire.custom_tools import CustomCalls, as_functions, custom_tools
from aigw.wire.deltas import Delta, Fail, Finish, Stopped
from aigw.wire.dialect import Dialect, effort_of
from aigw.wire.format import Format, StreamReader, StreamWriter, Trouble
from aigw.wire.losses import Ledger, Loss
from aigw.wire.neutral import Answer, Conversation
from aigw.wire.sequence import Sequencer
from aigw.wire.sse import Event, Splitter

_decode = msgspec.json.Decoder().decode


_ENDS = (Stopped, Finish)


class BackLane(Protocol):
    """The way back of one answer, of whatever kind. `streams`: it can be a stream; the rest as in `Lane`."""

    @property
    def array(self) -> bool: ...
    @property
    def streams(self) -> bool: ...
    @property
    def failed(self) -> Trouble | None: ...
    @property
    def finished(self) -> bool: ...
    @property
    def ledger(self) -> Ledger: ...
    def whole(self, data: bytes) -> bytes: ...
    def streamed(self, data: bytes) -> bytes: ...
    def collected(self, data: bytes) -> bytes: ...
    def feed(self, data: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


class Asking:
    """A caller's request in no dialect, and what was lost already in reading it.

    `array`: the caller of a Gemini stream wants one JSON array, not events.
    """

    __slots__ = ("_ledger", "array", "conversation", "format")

    def __init__(self, format: Format, body: bytes, model: str, *, stream: bool) -> None:
        """Raises InvalidBody, which names the place."""
        self.format = format
        self.array = False
        self._ledger = Ledger()
        try:
            self.conversation: Conversation = format.read_request(decoded(body), model, self._ledger, stream=stream)
        except RecursionError:
            raise _too_deep() from None

    @property
    def effort(self) -> str | None:
        """The effort of reasoning that the caller asks for, in whatever words."""
        reasoning = self.conversation.settings.reasoning
        if reasoning is None:
            return None
        return reasoning.effort or ("none" if reasoning.enabled is False else effort_of(reasoning.budget))

    def cap(self, most: int) -> None:
        """Let the answer have at most so many tokens; a greater wish is reported."""
        settings = self.conversation.settings
        if settings.max_tokens is None or settings.max_tokens <= most:
            return
        reason = f"at most {most} output tokens are allowed here (max_output_tokens)"
        self._ledger.approximate(self.conversation.places.get("max_tokens", ""), reason)
        capped = msgspec.structs.replace(settings, max_tokens=most)
        self.conversation = msgspec.structs.replace(self.conversation, settings=capped)

    def ask(self, target: Format, dialect: Dialect) -> tuple[bytes, BackLane]:
        """The request for a provider that speaks `target`, and the way back. Raises InvalidBody."""
        ledger = Ledger()
        return self.written(target, dialect, ledger), self.back(target, dialect, ledger)

    def written(self, target: Format, dialect: Dialect, ledger: Ledger) -> bytes:
        """The request for a provider that speaks `target`. Raises InvalidBody."""
        try:
            return target.write_request(self.arranged(target, dialect, ledger), dialect, ledger)
        except RecursionError:
            raise _too_deep() from None

    def arranged(self, target: Format, dialect: Dialect, ledger: Ledger) -> Conversation:
        """The conversation as this provider may have it. Raises InvalidBody."""
        ledger.add(self._ledger.entries)
        conversation = msgspec.structs.replace(self.conversation, model=dialect.model or self.conversation.model)
        arranged = arrange(conversation, target, dialect, ledger)
        return arranged if dialect.custom_tools else as_functions(arranged, ledger)

    def back(self, target: Format, dialect: Dialect, ledger: Ledger) -> BackLane:
        """The way back of one answer; the ledger goes on."""
        return Lane(self, target, dialect, ledger)


def _too_deep() -> InvalidBody:
    return InvalidBody("The request is nested too deeply to be translated: some hundred levels are the limit.")


def decoded(body: bytes) -> dict[str, Any]:
    """The object of a request body, without the gateway's own member. Raises InvalidBody."""
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBody(f"The request body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidBody("The request body must be a JSON object.")
    value.pop("models", None)
    if not isinstance(value.get("stream"), bool | None):
        raise InvalidBody("stream must be a boolean.", param="stream")
    return value


class Lane:
    """One answer's way back. Either `whole`, or `feed` for every arrival and `finish` at the end.

    `failed` holds the error that the upstream reported within the stream, once it has; the event that tells the
    caller of it is written by whoever cuts the stream. `finished`: the upstream said that the stream is complete.
    """

    __slots__ = (
        "_asked",
        "_custom",
        "_dialect",
        "_reader",
        "_sequencer",
        "_splitter",
        "_why",
        "_writer",
        "array",
        "caller",
        "failed",
        "finished",
        "ledger",
        "streams",
        "target",
    )

    def __init__(self, asking: Asking, target: Format, dialect: Dialect, ledger: Ledger) -> None:
        self.caller = asking.format
        self.target = target
        self.ledger = ledger
        self.failed: Trouble | None = None
        self.finished = False
        self.array = asking.array
        self.streams = True
        self._why = False
        self._dialect = dialect
        self._asked = asking.conversation
        names = custom_tools(asking.conversation)
        self._custom = CustomCalls(names) if names else None
        self._splitter = Splitter()
        self._sequencer = Sequencer()
        self._reader: StreamReader | None = None
        self._writer: StreamWriter | None = None

    @property
    def losses(self) -> list[Loss]:
        """What was lost so far."""
        return self.ledger.entries

    def whole(self, data: bytes) -> bytes:
        """A whole answer in the caller's format. Raises ValueError if it is none."""
        return self.caller.write_answer(self._read(data), self._asked, self.ledger)

    def streamed(self, data: bytes) -> bytes:
        """A whole answer as the stream that the caller asked for: some upstreams do not stream. Raises ValueError."""
        answer = self._read(data)
        self.finished = True
        return self._new_writer().write(fold.unfolded(answer))

    def _read(self, data: bytes) -> Answer:
        answer = self.target.read_answer(data, self._dialect)
        return answer if self._custom is None else self._custom.answer(answer)

    def _new_writer(self) -> StreamWriter:
        return self.caller.stream_writer(self._asked, self.ledger, array=self.array)

    def collected(self, data: bytes) -> bytes:
        """A whole stream as the one answer that the caller asked for. Raises ValueError if it has no end."""
        reader = self.target.stream_reader(self._dialect)
        splitter = Splitter()
        deltas: list[Delta] = []
        for event in (*splitter.feed(data), *splitter.finish()):
            deltas += reader.read(event)
        deltas += reader.finish()
        return self.caller.write_answer(fold.folded(self._ordered(deltas)), self._asked, self.ledger)

    def feed(self, data: bytes) -> bytes:
        """More of a stream: what can be said of it by now. Raises EventTooLargeError."""
        return self._said(self._splitter.feed(data))

    def finish(self) -> bytes:
        """The end of the bytes of a stream; says nothing of an end unless the upstream did."""
        said = self._said(self._splitter.finish())
        reader = self._reader
        return said if reader is None or self.failed else said + self._written(reader.finish())

    def _said(self, events: list[Event]) -> bytes:
        reader = self._reader
        if reader is None:
            reader = self._reader = self.target.stream_reader(self._dialect)
            self._writer = self._new_writer()
        deltas: list[Delta] = []
        for event in events:
            if event.kind == "event":
                deltas += reader.read(event)
            elif event.kind == "field" and event.raw.lstrip().startswith(b"{"):
                # Some servers break a stream off with the JSON of an error, as if there had been no events.
                deltas += reader.read(Event("event", event.raw.strip()))
        return self._written(deltas) if deltas else b""

    def _written(self, deltas: list[Delta]) -> bytes:
        assert self._writer is not None
        if self.failed is not None:
            return b""
        for at, delta in enumerate(deltas):
            kind = type(delta)
            if kind is Fail:
                assert isinstance(delta, Fail)
                self.failed = delta.trouble
                deltas = deltas[:at]
                break
            if kind is Stopped:
                assert isinstance(delta, Stopped)
                self._why = bool(delta.stop.word)
            if kind in _ENDS and not self._why:
                # The end alone does not say why: a reason of ours would be made up.
                deltas = deltas[:at]
                break
            if kind is Finish:
                self.finished = True
        return self._writer.write(self._ordered(deltas))

    def _ordered(self, deltas: list[Delta]) -> list[Delta]:
        ordered = self._sequencer.put(deltas)
        return ordered if self._custom is None else self._custom.put(ordered)

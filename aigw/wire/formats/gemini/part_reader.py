"""Reads parts, of requests and of answers, into the neutral form.

Sources: https://ai.google.dev/api/caching#Part, https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from aigw.errors import InvalidBody
from aigw.wire.formats.gemini.members import Members, wrong
from aigw.wire.formats.gemini.names import CODE_EXECUTION, media_kind
from aigw.wire.losses import child
from aigw.wire.neutral import (
    Foreign,
    Media,
    Part,
    ServerToolCall,
    ServerToolResult,
    Source,
    Structured,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from aigw.wire.signatures import opened

FORMAT = "gemini"
FILES_HOST = "generativelanguage.googleapis.com"
_TELLING = ("result", "output")
"""A response with nothing but one of these says a text; `output` is the documented name."""
_VIDEO_HOSTS = ("youtube.com", "youtu.be")

_encode = msgspec.json.Encoder().encode


class Calls:
    """The ids of function calls: Gemini matches results by id if there is one, else by name and order."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending: list[tuple[str, str]] = []

    def called(self, ident: str, name: str) -> None:
        """A function was called."""
        self._pending.append((ident, name))

    def answered(self, ident: str | None, name: str | None, at: str) -> str:
        """The id of the call that a result answers. Raises InvalidBody if there is none."""
        found = next((call for call in self._pending if call[0] == ident), None)
        found = found or next((call for call in self._pending if call[1] == name), None)
        if found is not None:
            self._pending.remove(found)
            return found[0]
        if ident is not None:
            return ident
        raise wrong(at, f"answers no function call: none of the name {name!r} waits for a result before it")


class PartReader:
    """Reads the parts of one request, or of one candidate, in order.

    `maker` is whose signatures they are, `fresh` makes the id of a call that has none, from the pointer of its part.
    `asked`: the parts are of a request, so signatures may be seals of ours; a provider's own may look like one.
    """

    __slots__ = ("_asked", "_code", "_fresh", "_maker", "_thought", "calls")

    def __init__(self, maker: str, fresh: Callable[[str], str], *, asked: bool = False) -> None:
        self._asked = asked
        self._maker = maker
        self._fresh = fresh
        self._thought: Thinking | None = None  # the part before, if it is a thought without a signature
        self._code = ""  # the id of the code that was executed last
        self.calls = Calls()

    def turn_over(self) -> None:
        """What comes now is another's: thoughts do not go on."""
        self._thought = None

    def read(self, value: Any, at: str) -> list[Part]:
        """One part; with a signature on it two. None of its own where it continues the thought before it."""
        members = Members(value, at)
        signature = members.text("thoughtSignature")
        place = members.place("thoughtSignature")
        before, self._thought = self._thought, None
        if members.flag("thought"):
            text = members.text("text")
            if text is None:
                return [Foreign(format=FORMAT, value=value, at=at)]
            return self._thinking(text, signature, members, before)
        part = self._content(members, value)
        if signature is None:
            return [part]
        return self._signed(part, self._opened(signature), place, before)

    def _opened(self, signature: str | None) -> Thinking:
        return opened(signature, self._maker) if self._asked else Thinking(signature=signature, maker=self._maker)

    def _thinking(self, text: str, signature: str | None, members: Members, before: Thinking | None) -> list[Part]:
        part = self._opened(signature)
        part.text, part.at, part.own = text, members.at, members.rest()
        if before is not None and part.own is None:
            # A stream tells a thought in many parts, and its signature with the last.
            before.text += text
            if signature is not None:
                _sign(before, part)
            self._thought = before if signature is None else None
            return []
        if signature is None:
            self._thought = part
        return [part]

    def _signed(self, part: Part, thinking: Thinking, place: str, before: Thinking | None) -> list[Part]:
        """A part with a signature on it: Gemini's own belongs to the part, a wrapped one to where it was taken."""
        wrapped = thinking.maker != self._maker
        empty = isinstance(part, Text) and not part.text
        if wrapped and not (thinking.bound or thinking.redacted) and before is not None:
            _sign(before, thinking)
            return [] if empty else [part]
        thinking.at = place
        if not wrapped:
            thinking.bound = not empty
        return [thinking] if empty and part.own is None else [thinking, part]

    def _content(self, members: Members, value: Any) -> Part:
        text = members.text("text")
        if text is not None:
            return Text(text=text, at=members.at, own=members.rest())
        for name, read in _READERS.items():
            inner = members.inner(name)
            if inner is not None:
                part = read(self, inner)
                part.at = members.at
                part.own = _nested(name, part.own, members)
                return part
        return Foreign(format=FORMAT, value=value, at=members.at)

    def _inline(self, blob: Members) -> Part:
        return inline_media(blob)

    def _file(self, blob: Members) -> Part:
        return file_media(blob)

    def _call(self, call: Members) -> Part:
        name = call.text("name")
        if not name:
            raise wrong(call.place("name"), "must be the name of a function")
        ident = call.text("id") or self._fresh(call.at)
        args = call.object("args")
        self.calls.called(ident, name)
        return ToolCall(id=ident, name=name, arguments=_encode(args or {}).decode(), own=call.rest())

    def _result(self, result: Members) -> Part:
        name = result.text("name")
        ident = self.calls.answered(result.text("id"), name, result.at)
        parts, failed = response_parts(result.object("response") or {}, result.place("response"))
        for value, at in result.items("parts") or ():
            parts.append(_response_media(Members(value, at), value))
        return ToolResult(call_id=ident, parts=parts, name=name, failed=failed, own=result.rest())

    def _executed(self, code: Members) -> Part:
        own = code.rest() or {}
        self._code = code.text("id") or self._fresh(code.at)
        arguments = _encode({"code": code.text("code") or "", "language": code.text("language") or "PYTHON"})
        return ServerToolCall(
            id=self._code,
            name=CODE_EXECUTION,
            arguments=arguments.decode(),
            maker=self._maker,
            own=own,
        )

    def _outcome(self, result: Members) -> Part:
        own = result.rest() or {}
        ident = result.text("id") or self._code or self._fresh(result.at)
        outcome = own.get("outcome")
        error = None if outcome in (None, "OUTCOME_OK") else str(outcome)
        return ServerToolResult(
            call_id=ident,
            name=CODE_EXECUTION,
            error=error,
            maker=self._maker,
            own=own,
        )


_READERS: dict[str, Callable[[PartReader, Members], Part]] = {
    "inlineData": PartReader._inline,
    "fileData": PartReader._file,
    "functionCall": PartReader._call,
    "functionResponse": PartReader._result,
    "executableCode": PartReader._executed,
    "codeExecutionResult": PartReader._outcome,
}


def _sign(thought: Thinking, by: Thinking) -> None:
    """Give a thought the signature that came after it."""
    thought.signature, thought.maker, thought.redacted = by.signature, by.maker, by.redacted
    thought.id, thought.summary = by.id, by.summary


def lenient(reader: PartReader, value: Any) -> list[Part]:
    """A part of an answer: one that cannot be read is kept as it is, not refused."""
    try:
        return reader.read(value, "")
    except InvalidBody:
        return [Foreign(format=FORMAT, value=value)]


def inline_media(blob: Members) -> Media:
    """Media as base64."""
    media_type, data = blob.text("mimeType"), blob.text("data")
    if data is None or not media_type:
        raise wrong(blob.at, "must have `mimeType` and `data`")
    source = Source(data=data, media_type=media_type)
    return Media(kind=media_kind(media_type), source=source, name=blob.text("displayName"), at=blob.at, own=blob.rest())


def file_media(blob: Members) -> Media:
    """Media by address: any https address, `gs://`, a video of YouTube's, or a file of the Files API."""
    media_type, uri = blob.text("mimeType"), blob.text("fileUri")
    if not uri:
        raise wrong(blob.place("fileUri"), "must be an address")
    try:
        address = urlsplit(uri)
    except ValueError:
        raise wrong(blob.place("fileUri"), "must be an address") from None
    host = address.netloc.lower()
    if host == FILES_HOST or not address.scheme:
        source = Source(file_id=uri, media_type=media_type)
    else:
        source = Source(url=uri, media_type=media_type)
    guessed = media_type or mimetypes.guess_type(address.path)[0]
    kind = "video" if host.removeprefix("www.") in _VIDEO_HOSTS else media_kind(guessed)
    return Media(kind=kind, source=source, name=blob.text("displayName"), at=blob.at, own=blob.rest())


def _nested(name: str, inner: dict[str, Any] | None, members: Members) -> dict[str, Any] | None:
    """The own members of a part: those of the object that makes it what it is, under its name, and those beside it."""
    own = members.rest() or {}
    return {name: inner, **own} if inner else own or None


def _response_media(members: Members, value: Any) -> Part:
    inline, file = members.inner("inlineData"), members.inner("fileData")
    if inline is None and file is None:
        return Foreign(format=FORMAT, value=value, at=members.at)
    media = inline_media(inline) if inline is not None else file_media(file)  # type: ignore[arg-type]
    media.at = members.at
    media.own = _nested("inlineData" if inline is not None else "fileData", media.own, members)
    return media


def response_parts(response: dict[str, Any], at: str) -> tuple[list[Part], bool | None]:
    """What a function returned, and whether it failed.

    - `{"result": text}` or `{"output": text}`, and nothing else: a text;
    - `{"error": …}` and nothing else: the tool failed;
    - `{}`: nothing was returned;
    - anything else: a JSON value.
    """
    if not response:
        return [], None
    name, value = next(iter(response.items()))
    failed = len(response) == 1 and name == "error"
    if not failed and not (len(response) == 1 and name in _TELLING and isinstance(value, str)):
        return [Structured(value=_encode(response).decode(), at=at)], None
    place = child(at, name)
    if isinstance(value, str):
        return [Text(text=value, at=place)] if value else [], failed or None
    return [Structured(value=_encode(value).decode(), at=place)], True

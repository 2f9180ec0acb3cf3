"""One choice of a chat answer as it comes: which part is open, and what begins the next."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from aigw.wire.deltas import Cite, Close, Delta, Grow, Odds, Open, Sign, Stopped
from aigw.wire.dialect import Dialect
from aigw.wire.formats.chat import details
from aigw.wire.formats.chat.calls import Calls
from aigw.wire.formats.chat.content import source_of, thinking_text
from aigw.wire.formats.chat.shapes import Message
from aigw.wire.formats.chat.sources import citations_of, logprobs_of
from aigw.wire.formats.chat.stops import stop_of
from aigw.wire.neutral import Citation, Foreign, Media, Part, Refusal, Source, Text, Thinking


class Line:
    """The parts of one choice. `kind` is that of the open part (`text`, `thinking`, `refusal`), empty for none."""

    def __init__(self, index: int, dialect: Dialect) -> None:
        self.index = index
        self.kind = ""
        self.part = -1
        self.word: str | None = None  # the upstream's finish reason
        self.grown = 0  # characters of the open text
        self._before = 0  # characters of the texts before it
        self.own: dict[str, Any] | None = None
        self._dialect = dialect
        self._next = 0
        self._calls = Calls(index)
        self._detail: details.Detail | None = None  # the reasoning detail that the open thinking is
        self._later: list[dict[str, Any]] = []  # details that say what in the same message they come after
        self._texts = False
        self._refused = False
        self._sound: dict[str, list[str]] = {}
        self._expires: Any = None  # when the provider forgets the sound

    def take(self, said: Message, logprobs: Any, out: list[Delta]) -> None:
        """A delta, or a whole message."""
        if said.reasoning_details or said.reasoning_content or said.reasoning:
            self._think(said, out)
        if said.extra_content is not None:
            self._bind(said.extra_content, out)
        if said.content or logprobs is not None or said.annotations:
            self._write(said, logprobs, out)
        if said.refusal:
            self._refuse(said.refusal, logprobs, out)
        if said.audio is not None or said.images is not None:
            self._perceive(said, out)
        if said.tool_calls is not None or said.function_call is not None:
            self._call(said, out)
        if self._later:
            self._follow(None, out)

    def say(self, text: str, out: list[Delta]) -> None:
        """More text."""
        if self.kind != "text":
            self._texts = True
            self._turn_to("text", Text(text=""), out)
            self._before += self.grown
            self.grown = 0
        self.grown += len(text)
        out.append(Grow(self.part, text, self.index))

    def cite(self, citations: list[Citation], out: list[Delta]) -> None:
        """What the text rests on. Places are told in the whole content; those in a text that is closed are lost."""
        if not (citations and self._texts):
            return
        late = self.kind != "text"
        if late:
            self.say("", out)
        for citation in citations:
            if late:
                citation.start = citation.end = None
            elif self._before:
                citation.start = _shifted(citation.start, self._before)
                citation.end = _shifted(citation.end, self._before)
            out.append(Cite(self.part, citation, self.index))

    def finish(self, out: list[Delta]) -> None:
        """The choice is complete."""
        self._leave(out)
        self._calls.finish(out, self._begin)
        self._play(out)
        stop = stop_of(
            self.word or "",
            called=self._calls.called,
            refused=self._refused and not self._texts,
            forced=self._calls.forced,
        )
        out.append(Stopped(stop, self.index, self.own))

    # -- parts -----------------------------------------------------------------------------------------------------

    def _begin(self, out: list[Delta]) -> int:
        """The number of a new part; nothing else is open then, but other calls."""
        self._leave(out)
        self._next += 1
        return self._next - 1

    def _turn_to(self, kind: str, head: Part, out: list[Delta]) -> None:
        self.part = self._begin(out)
        self.kind = kind
        out.append(Open(self.part, head, self.index))

    def _leave(self, out: list[Delta]) -> None:
        if self.kind:
            if self._detail is not None:
                out.append(Sign(self.part, details.verbatim(self._detail.whole()), self.index))
                self._detail = None
            out.append(Close(self.part, self.index))
            self.kind = ""

    def _whole(self, part: Part, out: list[Delta]) -> None:
        number = self._begin(out)
        out.append(Open(number, part, self.index))
        out.append(Close(number, self.index))

    def _refuse(self, text: Any, logprobs: Any, out: list[Delta]) -> None:
        if not isinstance(text, str):
            return
        if self.kind != "refusal":
            self._refused = True
            self._turn_to("refusal", Refusal(text=""), out)
        out.append(Grow(self.part, text, self.index))
        if logprobs is not None:
            self._odds(logprobs, "refusal", "refusal", out)

    def _write(self, said: Message, logprobs: Any, out: list[Delta]) -> None:
        """Content and what stands beside it."""
        if said.content:
            self._content(said.content, out)
        if logprobs is not None:
            self._odds(logprobs, "text", "content", out)
        if said.annotations:
            self.cite(citations_of(said.annotations), out)

    def _content(self, content: Any, out: list[Delta]) -> None:
        """Text, or parts, as Mistral's reasoning models answer."""
        if isinstance(content, str):
            self.say(content, out)
            return
        for item in content if isinstance(content, list) else ():
            if not isinstance(item, dict):
                continue
            kind, text = item.get("type"), item.get("text")
            if kind == "text" and isinstance(text, str):
                if text:
                    self.say(text, out)
            elif kind == "thinking":
                self._muse(thinking_text(item.get("thinking")), out)
            else:
                self._whole(Foreign(format="chat", value=item), out)

    def _call(self, said: Message, out: list[Delta]) -> None:
        if self._later:
            self._follow("content", out)
        for piece in said.tool_calls or ():
            if piece.extra_content is not None:
                self._bind(piece.extra_content, out)
            self._calls.take(piece, out, self._begin)
            if self._later:
                self._follow(piece.id, out)
        if said.function_call is not None:
            self._calls.function(said.function_call, out, self._begin)

    def _odds(self, logprobs: Any, kind: str, member: str, out: list[Delta]) -> None:
        if self.kind == kind:
            found = logprobs_of(logprobs, member)
            if found:
                out.append(Odds(self.part, found, self.index))

    # -- thoughts --------------------------------------------------------------------------------------------------

    def _think(self, said: Message, out: list[Delta]) -> None:
        """Reasoning, in whichever member it is; some servers repeat it in another one."""
        entries = said.reasoning_details if isinstance(said.reasoning_details, list) else []
        text = said.reasoning_content or said.reasoning
        if entries and (self._dialect.thinking_back == "reasoning_details" or not text):
            for place, entry in enumerate(entries):
                if isinstance(entry, dict) and details.after(entry) is not None:
                    self._later.append(entry)
                elif isinstance(entry, dict):
                    self._ponder(entry, place == 0, out)
        elif isinstance(text, str):
            self._muse(text, out)

    def _follow(self, after: Any, out: list[Delta]) -> None:
        """The details that come after this; all that are left for None."""
        later, self._later = self._later, []
        for entry in later:
            if after is None or details.after(entry) == after:
                self._ponder(entry, False, out)
            else:
                self._later.append(entry)

    def _muse(self, text: str, out: list[Delta]) -> None:
        """Reasoning that is text alone."""
        if not text:
            return
        if self.kind != "thinking" or self._detail is not None:
            self._turn_to("thinking", Thinking(maker=self._dialect.maker), out)
        out.append(Grow(self.part, text, self.index))

    def _ponder(self, entry: dict[str, Any], first: bool, out: list[Delta]) -> None:
        """A reasoning detail that has to come back as it is, or a piece of one."""
        if self._dialect.thinking_back != "reasoning_details":
            self._muse(details.text_of(entry), out)
            return
        if self._detail is not None and self._detail.goes_on(entry, numbered=not first):
            self._detail.add(entry)
        else:
            self._turn_to("thinking", details.told(entry, self._dialect.maker), out)
            self._detail = details.Detail(entry)
        text = details.text_of(entry)
        if text:
            out.append(Grow(self.part, text, self.index))

    def _bind(self, extra: Any, out: list[Delta]) -> None:
        """Gemini's signature of what follows."""
        google = extra.get("google") if isinstance(extra, dict) else None
        signature = google.get("thought_signature") if isinstance(google, dict) else None
        if isinstance(signature, str) and signature:
            self._whole(Thinking(signature=signature, maker=self._dialect.maker, bound=True), out)

    # -- media -----------------------------------------------------------------------------------------------------

    def _perceive(self, said: Message, out: list[Delta]) -> None:
        """Pieces of sound, and pictures (`images`, OpenRouter's)."""
        if isinstance(said.audio, dict):
            for name in ("id", "data", "transcript"):
                value = said.audio.get(name)
                if isinstance(value, str) and value:
                    self._sound.setdefault(name, []).append(value)
            self._expires = said.audio.get("expires_at") or self._expires
        for image in said.images if isinstance(said.images, list) else ():
            inner = image.get("image_url") if isinstance(image, dict) else None
            url = inner.get("url") if isinstance(inner, dict) else inner
            if isinstance(url, str) and url:
                self._whole(Media(kind="image", source=source_of(url)), out)

    def _play(self, out: list[Delta]) -> None:
        pieces = self._sound.get("data")
        if not pieces:
            return
        source = Source(data=joined(pieces), media_type="audio/pcm" if len(pieces) > 1 else None)
        transcript = "".join(self._sound.get("transcript", ()))
        names = self._sound.get("id")
        name = names[-1] if names else None
        own = None if self._expires is None else {"expires_at": self._expires}
        self._whole(Media(kind="audio", source=source, id=name, transcript=transcript or None, own=own), out)


def _shifted(place: int | None, by: int) -> int | None:
    return None if place is None else max(place - by, 0)


def joined(pieces: list[str]) -> str:
    """Base64 in pieces, each of which was encoded for itself, as one."""
    if all(len(piece) % 4 == 0 and not piece.endswith("=") for piece in pieces[:-1]):
        return "".join(pieces)
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode("ascii")
    except binascii.Error:
        return "".join(pieces)

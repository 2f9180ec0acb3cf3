"""Writes parts, of requests and of answers, as Gemini has them.

Sources: https://ai.google.dev/api/caching#Part, https://ai.google.dev/gemini-api/docs/thought-signatures,
https://ai.google.dev/gemini-api/docs/function-calling (results with media),
https://ai.google.dev/gemini-api/docs/file-input-methods (addresses)
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from aigw.wire.dialect import Dialect
from aigw.wire.formats.gemini.names import CODE_EXECUTION
from aigw.wire.formats.gemini.part_reader import FORMAT
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import (
    Foreign,
    Media,
    Part,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Source,
    Structured,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

IN_RESULTS = frozenset({"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"})
"""What may stand within a function's response; other media stand behind it."""

UNMARKED = "Gemini caches by itself, without marks"
"""Why marks of what to cache are not sent."""

ANSWER = "answer:"
"""What pointers into answers begin with."""

RESULT_PARTS = "functionResponse.parts"
"""The name under which a dialect refuses media within a function's response (models before Gemini 3)."""

_USUAL = {"image": "image/jpeg", "audio": "audio/mpeg", "video": "video/mp4", "document": "application/pdf"}

Apart = Callable[[Part, str], bool]
"""Told of a part and its place; whether it need not stand among the parts."""

_decode = msgspec.json.Decoder().decode
_object = msgspec.json.Decoder(dict).decode


class PartWriter:
    """Writes the parts of one turn or candidate after another.

    `sealed` gives the text in which a signature travels. `home`: the parts are of a request or an answer in Gemini's
    own format, so their own members stand again. `written` tells which part became which element of the list.
    """

    __slots__ = ("_dialect", "_home", "_ledger", "_sealed", "behind", "written")

    def __init__(self, dialect: Dialect, ledger: Ledger, sealed: Callable[[Thinking], str], *, home: bool) -> None:
        self._dialect = dialect
        self._ledger = ledger
        self._sealed = sealed
        self._home = home
        self.behind: list[dict[str, Any]] = []  # what stands at the end of the turn
        self.written: list[tuple[Part, int]] = []

    def parts(self, parts: list[Part], at: str | None = None, apart: Apart | None = None) -> list[dict[str, Any]]:
        """All of them, each with the signature that belongs to it; `at` is the pointer of the list, in answers.

        `apart` takes what is told elsewhere.
        """
        told: list[dict[str, Any]] = []
        self.written = []
        signature: str | None = None
        for index, part in enumerate(parts):
            place = part.at if at is None else child(at, index)
            if isinstance(part, Thinking):
                if signature is not None:
                    told.append({"text": "", "thoughtSignature": signature})
                self.note(part, place)
                signature = self._thinking(part, told)
            elif apart is None or not apart(part, place):
                one = self.part(part, place)
                if one is not None:
                    if signature is not None:
                        one["thoughtSignature"] = signature
                        signature = None
                    self.written.append((part, len(told)))
                    told.append(one)
        if signature is not None:
            told.append({"text": "", "thoughtSignature": signature})
        return told

    def _thinking(self, part: Thinking, told: list[dict[str, Any]]) -> str | None:
        """A thought; the signature instead where it belongs to the part that follows."""
        signature = (self._sealed(part) or None) if held(part) else None
        if part.bound:
            return signature
        if part.text:
            one: dict[str, Any] = {"text": part.text, "thought": True}
            if signature is not None:
                one["thoughtSignature"] = signature
            told.append(self._with_own(one, part))
        elif signature is not None:
            told.append({"text": "", "thoughtSignature": signature})
        return None

    def part(self, part: Part, place: str) -> dict[str, Any] | None:
        """One part, None where nothing of it can be said."""
        write = _WRITERS.get(type(part))
        one = None if write is None else write(self, part, place)
        if one is None:
            return None
        self.note(part, place)
        return self._with_own(one, part)

    def note(self, part: Part, place: str) -> None:
        """Report what Gemini's parts do not have: a cache mark, and in answers the members of another format."""
        if part.cache is not None:
            self._ledger.drop(part.cache.at or child(part.at, "cache_control"), UNMARKED)
        if part.own and not self._home:
            self._ledger.drop_members(place, part.own, "only another format has it")

    def _with_own(self, one: dict[str, Any], part: Part) -> dict[str, Any]:
        for name, value in (part.own or {}).items() if self._home else ():
            inner = one.get(name)
            one[name] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
        return one

    def _text(self, part: Text, place: str) -> dict[str, Any] | None:
        if (part.citations or part.logprobs) and not place.startswith(ANSWER):
            self._ledger.approximate(place, "Gemini takes back the text alone, not what it rests on")
        return {"text": part.text}

    def _refusal(self, part: Refusal, place: str) -> dict[str, Any] | None:
        self._ledger.approximate(place, "a refusal became text")
        return {"text": part.text}

    def _structured(self, part: Structured, place: str) -> dict[str, Any] | None:
        return {"text": part.value}

    def _call(self, part: ToolCall, place: str) -> dict[str, Any] | None:
        return {"functionCall": {"name": part.name, "args": self._args(part, place), "id": part.id}}

    def _args(self, part: ToolCall, place: str) -> Any:
        """Arguments as they came; those that are no object (a limit may have cut them) stand within one.

        The name is the one of https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming
        """
        text = part.arguments
        if part.custom:
            return {"input": text}
        if not text.strip():
            return {}
        try:
            _object(text)
            # An event of a stream is one line.
            data = msgspec.json.format(text, indent=-1) if "\n" in text or "\r" in text else text
        except (ValueError, RecursionError):
            self._ledger.approximate(child(place, "arguments"), "the arguments are no JSON object")
            return {"INVALID_JSON": text}
        return msgspec.Raw(data.encode())

    def _foreign(self, part: Foreign, place: str) -> dict[str, Any] | None:
        if part.format == FORMAT and isinstance(part.value, dict):
            return dict(part.value)
        self._ledger.drop(place, f"only {part.format} has it")
        return None

    def _server_call(self, part: ServerToolCall, place: str) -> dict[str, Any] | None:
        if not self._home or part.name != CODE_EXECUTION:
            self._ledger.drop(place, "Gemini has no call of this provider's tool")
            return None
        said = part.own is not None and "executableCode" in part.own
        return {"executableCode": {} if said else _decode(part.arguments)}

    def _server_result(self, part: ServerToolResult, place: str) -> dict[str, Any] | None:
        if not self._home or part.name != CODE_EXECUTION or not part.own:
            self._ledger.drop(place, "Gemini has no result of this provider's tool")
            return None
        return {"codeExecutionResult": {}}

    # -- media ----------------------------------------------------------------------------------------------------

    def _media(self, part: Media, place: str) -> dict[str, Any] | None:
        refused = self._refused(part)
        if refused is not None:
            self._ledger.drop(place, refused)
            return None
        self._unsaid(part, place)
        source = part.source
        if source.data is not None:
            one = {"inlineData": {"mimeType": source.media_type or _USUAL[part.kind], "data": source.data}}
        elif source.text is not None:
            data = base64.b64encode(source.text.encode()).decode()
            one = {"inlineData": {"mimeType": source.media_type or "text/plain", "data": data}}
        else:
            one = {"fileData": self._file(part, place)}
        if part.name is not None and self._home:
            next(iter(one.values()))["displayName"] = part.name
        return one

    def _refused(self, part: Media) -> str | None:
        source, dialect = part.source, self._dialect
        if part.kind == "audio" and not dialect.audio:
            return "the model takes no sounds"
        if part.kind == "document" and not dialect.documents:
            return "the model takes no documents"
        if source.url is not None and not dialect.image_urls:
            return "the model takes no addresses of media, only the data"
        if source.file_id is not None and not _is_file(source.file_id):
            return "a file that another provider stores"
        return None

    def _unsaid(self, part: Media, place: str) -> None:
        said = {
            "its name": part.name if not self._home else None,
            "how closely to look": part.detail,
            "its context": part.context,
            "whether to cite it": part.cited,
            "its transcript": part.transcript,
        }
        unsaid = [what for what, value in said.items() if value is not None]
        if unsaid:
            self._ledger.approximate(place, f"Gemini is not told {', '.join(unsaid)}")

    def _file(self, part: Media, place: str) -> dict[str, Any]:
        """An address and the type of what is there, by its extension where nobody says it."""
        source: Source = part.source
        uri = source.url or source.file_id or ""
        path = _path_of(uri)
        known = source.media_type or mimetypes.guess_type(path)[0]
        if known is None and source.file_id is None and part.kind != "video":
            known = _USUAL[part.kind]
            self._ledger.approximate(place, f"nobody says what the {part.kind} is: it is sent as {known}")
        return {"mimeType": known, "fileUri": uri} if known else {"fileUri": uri}

    # -- results of functions -------------------------------------------------------------------------------------

    def _result(self, part: ToolResult, place: str) -> dict[str, Any] | None:
        inside: list[dict[str, Any]] = []
        said = [inner for inner in part.parts if not isinstance(inner, Media | Foreign)]
        for inner in part.parts:
            if isinstance(inner, Media | Foreign):
                one = self.part(inner, inner.at or place)
                if one is None:
                    continue
                if isinstance(inner, Media) and not self._inside(inner):
                    self._ledger.approximate(inner.at or place, "media of a result stand behind it, not within it")
                    self.behind.append(one)
                else:
                    inside.append(one)
        response: dict[str, Any] = {"id": part.call_id, "name": part.name or "", "response": self._said(said, part)}
        if inside:
            response["parts"] = inside
        return {"functionResponse": response}

    def _inside(self, media: Media) -> bool:
        if RESULT_PARTS in self._dialect.refused:
            return False
        return self._home or media.source.media_type in IN_RESULTS or media.kind == "image"

    def _said(self, parts: list[Part], result: ToolResult) -> Any:
        """What a function said: one text or one value; several are joined."""
        values: list[Any] = []
        for part in parts:
            one = self.part(part, part.at or result.at)
            if isinstance(part, Structured):
                values.append(msgspec.Raw(part.value.encode()))
            elif one is not None:
                values.append(one["text"])
        if len(values) > 1:
            self._ledger.rewrite(result.at, "Gemini's results of functions are one value: the texts are joined")
            values = ["\n".join(value if isinstance(value, str) else bytes(value).decode() for value in values)]
        value = values[0] if values else ""
        if result.failed:
            return {"error": value}
        if isinstance(value, msgspec.Raw) and bytes(value).lstrip().startswith(b"{"):
            return value
        return {"output": value}


def held(thinking: Thinking) -> bool:
    """Whether a thought is more than its text: its maker would know it again."""
    return bool(thinking.signature or thinking.redacted or thinking.id)


def _is_file(ident: str) -> bool:
    """Whether an id of a file is one of the Files API's."""
    return "://" in ident or ident.startswith("files/")


_WRITERS: dict[type[Part], Callable[[PartWriter, Any, str], dict[str, Any] | None]] = {
    Text: PartWriter._text,
    Refusal: PartWriter._refusal,
    Structured: PartWriter._structured,
    Media: PartWriter._media,
    ToolCall: PartWriter._call,
    ToolResult: PartWriter._result,
    ServerToolCall: PartWriter._server_call,
    ServerToolResult: PartWriter._server_result,
    Foreign: PartWriter._foreign,
}


def _path_of(uri: str) -> str:
    """The path of an address; none of what is not one."""
    try:
        return urlsplit(uri).path if uri.isprintable() else ""
    except ValueError:
        return ""

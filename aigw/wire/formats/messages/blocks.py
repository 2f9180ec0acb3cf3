"""Content blocks as parts: those of a caller's messages and those of a provider's answer.

Sources: https://platform.claude.com/docs/en/api/messages/create, and for servers' own tools
https://platform.claude.com/docs/en/agents-and-tools/tool-use/server-tools
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from aigw.wire import signatures
from aigw.wire.formats.messages.citations import check_citation, read_citation
from aigw.wire.formats.messages.members import Members, refuse
from aigw.wire.losses import child
from aigw.wire.neutral import (
    Citation,
    Foreign,
    Media,
    Part,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

NAME = "messages"

_encode = msgspec.json.Encoder().encode
_RESULT = "_tool_result"


def json_text(value: Any) -> str:
    """A decoded JSON value as text again."""
    return _encode(value).decode("utf-8")


class BlockReader:
    """Reads content blocks. `maker` is whose signatures they hold: a provider's id, or None in a caller's request.

    A caller's seals are opened; a caller's wrong types are refused. What a provider leaves out is taken as empty.
    """

    __slots__ = ("asked", "maker")

    def __init__(self, maker: str | None = None) -> None:
        self.asked = maker is None
        self.maker = NAME if maker is None else maker

    def content(self, value: Any, at: str) -> list[Part]:
        """The content of a message, a system prompt or a tool's result: a string or an array of blocks."""
        if isinstance(value, str):
            return [Text(text=value, at=at)]
        if not isinstance(value, list):
            refuse(at, "must be a string or an array of content blocks")
        return [self.part(block, child(at, index)) for index, block in enumerate(value)]

    def part(self, value: Any, at: str = "") -> Part:
        """One block; one of a kind that is not known here is kept as it is."""
        block = Members(value, at)
        kind = block.needed("type")
        read = (_ASKED if self.asked else _ANSWERED).get(kind)
        if read is not None:
            return read(self, block)
        if kind.endswith(_RESULT) and isinstance(block.value.get("tool_use_id"), str):
            return self._server_result(block, kind)
        return Foreign(format=NAME, value=value, at=at)

    def _word(self, block: Members, name: str) -> str:
        """A string that a caller must give and a provider may leave out."""
        return block.needed(name) if self.asked else block.text(name) or ""

    def _text(self, block: Members) -> Part:
        return Text(
            text=self._word(block, "text"),
            citations=[self._citation(item) for item in _objects(block, "citations")] or None,
            at=block.at,
            cache=block.cache(),
            own=block.own(),
        )

    def _citation(self, citation: Members) -> Citation:
        if self.asked:
            check_citation(citation)
        return read_citation(citation.value)

    def _image(self, block: Members) -> Part:
        source = self._source(block)
        if source is None:
            return Foreign(format=NAME, value=block.value, at=block.at)
        return Media(kind="image", source=source, at=block.at, cache=block.cache(), own=block.own())

    def _document(self, block: Members) -> Part:
        source = self._source(block) or self._composed(block)
        if source is None:
            return Foreign(format=NAME, value=block.value, at=block.at)
        return Media(
            kind="document",
            source=source,
            name=block.text("title"),
            context=block.text("context"),
            cited=_cited(block),
            at=block.at,
            cache=block.cache(),
            own=block.own(),
        )

    def _source(self, block: Members) -> Source | None:
        """Where media come from; None for a kind of source that only this format has."""
        source = block.inner("source")
        if source is None:
            refuse(block.place("source"), "is required")
        kind = source.needed("type")
        if kind == "base64":
            return Source(data=source.needed("data"), media_type=source.text("media_type"))
        if kind == "url":
            return Source(url=source.needed("url"))
        if kind == "file":
            return Source(file_id=source.needed("file_id"))
        if kind == "text":
            return Source(text=source.needed("data"), media_type=source.text("media_type") or "text/plain")
        block.leave("source")
        return None

    def _composed(self, block: Members) -> Source | None:
        """A document made of blocks: its text. That it was cut into blocks only this format can say."""
        source = Members(block.take("source"), block.place("source"))
        block.leave("source")
        if source.text("type") != "content":
            return None
        text, _ = _joined(source.take("content"))
        return Source(text=text, media_type="text/plain")

    def _found(self, block: Members) -> Part:
        """A search result that the caller found: a document whose source and type are this format's own."""
        text, plain = _joined(block.items("content"))
        if not plain:
            block.leave("content")
        title, cited, cache = block.text("title"), _cited(block), block.cache()
        block.leave("type")
        source = Source(text=text, media_type="text/plain")
        return Media(kind="document", source=source, name=title, cited=cited, at=block.at, cache=cache, own=block.own())

    def _thinking(self, block: Members) -> Part:
        text, signature = self._word(block, "thinking"), block.text("signature")
        if self.asked:
            thinking = signatures.opened(signature, NAME)
        else:
            thinking = Thinking(signature=signature or None, maker=self.maker)
        thinking.text = text
        thinking.at, thinking.own = block.at, block.own()
        return thinking

    def _redacted(self, block: Members) -> Part:
        data = self._word(block, "data")
        thinking = signatures.unseal(data) if self.asked else None
        if thinking is None:
            thinking = Thinking(signature=data, maker=self.maker, redacted=True)
        thinking.at, thinking.own = block.at, block.own()
        return thinking

    def _call(self, block: Members) -> Part:
        return ToolCall(
            id=self._word(block, "id"),
            name=self._word(block, "name"),
            arguments=self._input(block),
            at=block.at,
            cache=block.cache(),
            own=block.own(),
        )

    def _input(self, block: Members) -> str:
        """A call's arguments. Some servers give their JSON text instead of the object."""
        value = block.take("input")
        if value is None:
            return "" if "input" not in block.value else "null"
        if isinstance(value, str) and not self.asked:
            return value
        return json_text(value)

    def _server_call(self, block: Members) -> Part:
        kind = block.take("type")
        if kind != "server_tool_use":
            block.leave("type")
        return ServerToolCall(
            id=self._word(block, "id"),
            name=self._word(block, "name"),
            arguments=self._input(block) or "{}",
            maker=self.maker,
            at=block.at,
            cache=block.cache(),
            own=block.own(),
        )

    def _server_result(self, block: Members, kind: str) -> Part:
        call_id, cache = block.needed("tool_use_id"), block.cache()
        result = ServerToolResult(
            call_id=call_id, name=kind.removesuffix(_RESULT), maker=self.maker, at=block.at, cache=cache
        )
        content = block.value.get("content")
        if kind == "web_search_tool_result" and isinstance(content, list):
            result.hits = [_hit(item.value) for item in _objects(block, "content")]
        elif kind == "web_search_tool_result" and isinstance(content, dict):
            result.error = _error_code(block)
        else:
            block.leave("type")
        result.own = block.own()
        return result

    def _result(self, block: Members) -> Part:
        content = block.take("content")
        return ToolResult(
            call_id=block.needed("tool_use_id"),
            parts=[] if content is None else self.content(content, block.place("content")),
            failed=block.flag("is_error"),
            at=block.at,
            cache=block.cache(),
            own=block.own(),
        )


# Functions, not bound methods: a reader that held those would hold itself, and all that it has read.
_ANSWERED: dict[str, Callable[[BlockReader, Members], Part]] = {
    "text": BlockReader._text,
    "image": BlockReader._image,
    "document": BlockReader._document,
    "search_result": BlockReader._found,
    "thinking": BlockReader._thinking,
    "redacted_thinking": BlockReader._redacted,
    "tool_use": BlockReader._call,
    "server_tool_use": BlockReader._server_call,
    "mcp_tool_use": BlockReader._server_call,
}
_ASKED = {**_ANSWERED, "tool_result": BlockReader._result}


def _cited(block: Members) -> bool | None:
    """`citations.enabled`."""
    citations = block.inner("citations")
    return None if citations is None else citations.flag("enabled")


def _objects(block: Members, name: str) -> list[Members]:
    """An array of objects."""
    return [Members(item, child(block.at, name, index)) for index, item in enumerate(block.items(name) or ())]


def _error_code(block: Members) -> str:
    """What went wrong with a web search."""
    error = block.inner("content")
    code = None if error is None else error.text("error_code")
    if error is not None:
        error.take("type")
    return code or "unavailable"


def _joined(content: Any) -> tuple[str, bool]:
    """The text of blocks, a paragraph each, and whether that is all they say."""
    if isinstance(content, str):
        return content, False
    blocks = content if isinstance(content, list) else []
    texts = [block["text"] for block in blocks if isinstance(block, dict) and isinstance(block.get("text"), str)]
    plain = len(blocks) == 1 and isinstance(blocks[0], dict) and set(blocks[0]) == {"type", "text"}
    return "\n\n".join(texts), plain and len(texts) == 1


def _hit(item: dict[str, Any]) -> SearchHit:
    """One page of a web search."""
    named = {name: value for name in ("url", "title", "page_age", "encrypted_content")
             if isinstance(value := item.get(name), str)}  # fmt: skip
    rest = {name: value for name, value in item.items() if name not in named and value is not None and name != "type"}
    return SearchHit(
        url=named.get("url", ""),
        title=named.get("title"),
        age=named.get("page_age"),
        sealed=named.get("encrypted_content"),
        own=rest or None,
    )

"""Parts as content blocks for a provider.

Source: https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from aigw.wire.dialect import Dialect
from aigw.wire.formats.messages.blocks import NAME, json_text
from aigw.wire.formats.messages.citations import is_ours, write_citation
from aigw.wire.formats.messages.members import restored
from aigw.wire.formats.messages.sent_media import MediaWriter
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    CacheMark,
    Foreign,
    Media,
    Part,
    Refusal,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Structured,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

MOST_MARKS = 4
"""Cache markers that one request may have: Anthropic refuses a fifth."""

_LIFETIMES = ("5m", "1h")
_THINKERS = frozenset({"thinking", "redacted_thinking"})


class PartWriter:
    """Writes the parts of one conversation. `marks` are the objects that got a cache marker, with their pointers."""

    __slots__ = ("_dialect", "_ledger", "_media", "home", "marks")

    def __init__(self, own_format: str, dialect: Dialect, ledger: Ledger) -> None:
        self.home = own_format == NAME
        self.marks: list[tuple[dict[str, Any], str]] = []
        self._dialect = dialect
        self._ledger = ledger
        self._media = MediaWriter(dialect, ledger, home=self.home)

    def block(self, part: Part) -> dict[str, Any] | None:
        """One part; None if it could not be sent, which is reported."""
        block = _KINDS[type(part)](self, part)
        if block is None:
            return None
        if part.cache is not None:
            self.mark(block, part.cache, part.at)
        if self.home and part.own:
            if part.own.get("type") == "search_result":
                # One block of text, which was read as a document's.
                block["content"] = [{"type": "text", "text": block.pop("source")["data"]}]
            whole = restored(block, part.own)
            block.update(whole)  # the same object: a cache marker is known by it
        return block

    def mark(self, holder: dict[str, Any], cache: CacheMark, at: str) -> None:
        """Mark that the prompt up to here is worth caching."""
        if holder.get("type") in _THINKERS:
            self._ledger.drop(at, "thinking takes no cache marker")
            return
        control = holder["cache_control"] = {"type": "ephemeral"}
        if cache.ttl is not None:
            control["ttl"] = cache.ttl if cache.ttl in _LIFETIMES or self.home else _LIFETIMES[-1]
            if control["ttl"] != cache.ttl:
                self._ledger.approximate(at, f"a prompt is kept for {' or '.join(_LIFETIMES)}")
        self.marks.append((holder, at))

    def bound_marks(self) -> None:
        """Take the first markers away if there are too many: the last ones cover more."""
        for holder, at in () if self.home else self.marks[:-MOST_MARKS]:
            del holder["cache_control"]
            self._ledger.drop(at, f"a request may have {MOST_MARKS} cache markers")

    def _text(self, part: Text) -> dict[str, Any] | None:
        if not self.home and not part.text.strip():
            self._ledger.drop(part.at, "the provider takes no text of white space alone")
            return None
        block: dict[str, Any] = {"type": "text", "text": part.text}
        if part.citations:
            kept = [citation for citation in part.citations if is_ours(citation)]
            if kept:
                block["citations"] = [write_citation(citation) for citation in kept]
            if len(kept) < len(part.citations):
                self._ledger.drop(part.at, "the provider takes back only citations of its own")
        return block

    def _shown(self, part: Media) -> dict[str, Any] | None:
        return self._media.block(part)

    def _refusal(self, part: Refusal) -> dict[str, Any] | None:
        self._ledger.approximate(part.at, "a refusal is text in the format")
        return {"type": "text", "text": part.text}

    def _structured(self, part: Structured) -> dict[str, Any] | None:
        return {"type": "text", "text": part.value}

    def _thinking(self, part: Thinking) -> dict[str, Any] | None:
        if part.redacted or part.bound:
            return {"type": "redacted_thinking", "data": part.signature or ""}
        if part.signature is None and part.maker != self._dialect.maker and not self.home:
            self._ledger.drop(part.at, "the provider takes back only thinking that it has signed")
            return None
        return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}

    def _call(self, part: ToolCall) -> dict[str, Any] | None:
        text = json_text({"input": part.arguments}) if part.custom else part.arguments
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": msgspec.Raw(text.encode("utf-8"))}

    def _result(self, part: ToolResult) -> dict[str, Any] | None:
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.call_id}
        content = [inner for each in part.parts if (inner := self.block(each)) is not None]
        if content:
            block["content"] = content
        if part.failed is not None:
            block["is_error"] = part.failed
        return block

    def _server_call(self, part: ServerToolCall) -> dict[str, Any] | None:
        if not self._is_maker(part.maker):
            self._ledger.drop(part.at, "another provider has called it, with a tool of its own")
            return None
        text = part.arguments or "{}"
        return {"type": "server_tool_use", "id": part.id, "name": part.name, "input": msgspec.Raw(text.encode("utf-8"))}

    def _server_result(self, part: ServerToolResult) -> dict[str, Any] | None:
        if not self._is_maker(part.maker):
            self._ledger.drop(part.at, "another provider's tool has returned it")
            return None
        block: dict[str, Any] = {"type": f"{part.name}_tool_result", "tool_use_id": part.call_id}
        content = write_findings(part)
        if content is not None:
            block["content"] = content
        return block

    def _is_maker(self, maker: str) -> bool:
        return maker == self._dialect.maker if maker != NAME else self.home

    def _foreign(self, part: Foreign) -> dict[str, Any] | None:
        if part.format != NAME:
            self._ledger.drop(part.at, "only another format has it")
            return None
        block = dict(part.value)
        if "cache_control" in block:
            self.marks.append((block, part.at))
        return block


# Functions, not bound methods: a writer that held those would hold itself, and the conversation.
_KINDS: dict[type[Part], Callable[[PartWriter, Any], dict[str, Any] | None]] = {
    Text: PartWriter._text,
    Refusal: PartWriter._refusal,
    Media: PartWriter._shown,
    Thinking: PartWriter._thinking,
    ToolCall: PartWriter._call,
    ToolResult: PartWriter._result,
    Structured: PartWriter._structured,
    ServerToolCall: PartWriter._server_call,
    ServerToolResult: PartWriter._server_result,
    Foreign: PartWriter._foreign,
}


def write_findings(part: ServerToolResult, *, home: bool = True) -> Any:
    """The content of a web search's result; None if it has neither pages nor an error. `home` as in write_citation."""
    if part.error is not None:
        return {"type": "web_search_tool_result_error", "error_code": part.error}
    if part.hits is None:
        return None
    return [_hit(hit, home=home) for hit in part.hits]


def _hit(hit: SearchHit, *, home: bool) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "web_search_result", "url": hit.url, "title": hit.title or ""}
    block["encrypted_content"] = hit.sealed or ""
    block["page_age"] = hit.age
    if home and hit.own:
        block.update(hit.own)
    return block

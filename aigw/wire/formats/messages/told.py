"""Parts of an answer as content blocks for a caller.

A signature means something only to the provider that made it, so callers of this format get it sealed, as the
signature of a `thinking` block or the data of a `redacted_thinking` one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire import signatures
from aigw.wire.formats.messages.blocks import NAME
from aigw.wire.formats.messages.citations import write_citation
from aigw.wire.formats.messages.members import restored
from aigw.wire.formats.messages.sent_parts import write_findings
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Citation,
    Foreign,
    Media,
    Part,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
)

SERVER_TOOLS = frozenset(
    {
        "web_search",
        "web_fetch",
        "code_execution",
        "bash_code_execution",
        "text_editor_code_execution",
        "tool_search_tool_regex",
        "tool_search_tool_bm25",
    }
)
"""Servers' tools that the format has words for."""

PARTS = "answer:/candidates/0/parts"

_object = msgspec.json.Decoder(dict).decode


class BlockTeller:
    """Writes an answer's parts; `refused` becomes true with the first refusal among them.

    `home`: the answer was read from this format, so that what only one format has is this one's.
    """

    __slots__ = ("_ledger", "home", "refused")

    def __init__(self, ledger: Ledger, *, home: bool = False) -> None:
        self._ledger = ledger
        self.home = home
        self.refused = False

    def blocks(self, parts: list[Part]) -> list[dict[str, Any]]:
        """All parts that the format has a block for."""
        return [block for part in parts if (block := self.block(part)) is not None]

    def block(self, part: Part) -> dict[str, Any] | None:
        """One part; None for nothing to tell, or for what cannot be told, which is reported."""
        if isinstance(part, Text):
            return self._text(part)
        if isinstance(part, ToolCall):
            block = {"type": "tool_use", "id": part.id, "name": part.name, "input": self._input(part)}
            return self.dressed(block, part)
        if isinstance(part, Thinking):
            told = thought(part)
            return None if told is None else self.dressed(told, part)
        if isinstance(part, Refusal):
            self.refused = True
            return {"type": "text", "text": part.text} if part.text else None
        return self.rarer(part)

    def dressed(self, block: dict[str, Any], part: Part) -> dict[str, Any]:
        """A block with the members that only this format has; those of another format are reported."""
        if part.own and self.home:
            return restored(block, part.own)
        if part.own and not isinstance(part, ServerToolCall):  # what a server's tool is called with is in its input
            self._ledger.drop_members(PARTS, part.own, "only another format has it")
        return block

    def calls(self, part: ServerToolCall) -> bool:
        """Whether the format has a word for the server's tool."""
        return self.home or part.name in SERVER_TOOLS

    def rarer(self, part: Part) -> dict[str, Any] | None:
        """A part that comes whole also in streams, or a server's call of its tool."""
        if isinstance(part, ServerToolCall) and self.calls(part):
            arguments = part.arguments if part.arguments.strip() else "{}"
            block = {"type": "server_tool_use", "id": part.id, "name": part.name, "input": _decoded(arguments)}
            return self.dressed(block, part)
        if isinstance(part, ServerToolResult) and (found := self._found(part)) is not None:
            return found
        if isinstance(part, Foreign) and part.format == NAME:
            return dict(part.value)
        if isinstance(part, Media) and part.transcript:
            self._ledger.approximate(PARTS, "the format has no sound: its words are told")
            return {"type": "text", "text": part.transcript}
        self._ledger.drop(PARTS, f"the format has no answers with {_named(part)}")
        return None

    def _found(self, part: ServerToolResult) -> dict[str, Any] | None:
        """What a server's tool returned; None where the format has no place for it."""
        block: dict[str, Any] = {"type": f"{part.name}_tool_result", "tool_use_id": part.call_id}
        content = write_findings(part, home=self.home)
        if content is not None:
            block["content"] = content
        if self.home:
            return self.dressed(block, part)
        if content is None or part.name not in SERVER_TOOLS:
            return None
        for hit in part.hits or ():
            self._ledger.drop_members(f"{PARTS}/hits", hit.own or (), "only another format has it")
        return self.dressed(block, part)

    def citation(self, citation: Citation) -> dict[str, Any] | None:
        """What a text rests on."""
        told = write_citation(citation, home=self.home)
        if told is None:
            self._ledger.drop(f"{PARTS}/citations", "the format cites the prompt and the web alone")
        elif citation.own and not self.home:
            self._ledger.drop_members(f"{PARTS}/citations", citation.own, "only another format has it")
        if told is not None and citation.start is not None:
            self._ledger.approximate(f"{PARTS}/citations", "the format does not say which characters rest on a source")
        return told

    def odds(self) -> None:
        """Note that log probabilities are not told."""
        self._ledger.drop("answer:/candidates/0/logprobs", "the format has no log probabilities")

    def _text(self, part: Text) -> dict[str, Any] | None:
        if part.logprobs:
            self.odds()
        told = [item for citation in part.citations or () if (item := self.citation(citation)) is not None]
        if not part.text and not told:
            return None
        block: dict[str, Any] = {"type": "text", "text": part.text}
        if told:
            block["citations"] = told
        return self.dressed(block, part)

    def _input(self, call: ToolCall) -> Any:
        """Arguments as an object: text that is none stands where Anthropic's documentation puts it.

        See https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming
        """
        text = call.arguments
        if call.custom:
            return {"input": text}
        if not text.strip():
            return {}
        try:
            _object(text)
        except (ValueError, RecursionError):
            self._ledger.approximate(f"{PARTS}/arguments", "the arguments are no JSON object")
            return {"INVALID_JSON": text}
        return msgspec.Raw(text.encode("utf-8"))


def thought(part: Thinking) -> dict[str, Any] | None:
    """A thinking block with the seal as its signature; without a text, the seal alone. None for neither."""
    if part.text and not part.redacted and not part.bound:
        return {"type": "thinking", "thinking": part.text, "signature": signatures.seal(part)}
    if part.signature or part.id:
        return {"type": "redacted_thinking", "data": signatures.seal(part)}
    return None


def _decoded(text: str) -> Any:
    try:
        return _object(text)
    except (ValueError, RecursionError):
        return {"INVALID_JSON": text}


def _named(part: Part) -> str:
    if isinstance(part, Media):
        return f"an {part.kind}" if part.kind in ("image", "audio") else f"a {part.kind}"
    if isinstance(part, ServerToolCall | ServerToolResult):
        return f"the server's tool {part.name}"
    return f"a part of {part.format}" if isinstance(part, Foreign) else f"a {type(part).__name__}"

"""Anthropic Messages and token counting (platform.claude.com, API reference, "Messages")."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from attrs import frozen

from .errors import Problem, Refused, anthropic_error
from .reply import EVENT_STREAM, Call, Event, Json, Kind, Reply, sse
from .script import (
    Ask,
    Finish,
    Limits,
    Mode,
    Script,
    Tool,
    Toolbox,
    ToolCall,
    Usage,
    input_tokens,
    weigh,
    write,
)
from .thinking import opened, sign

_FINISH: dict[Finish, str] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool": "tool_use",
    "refusal": "refusal",
}
# Since this version sampling parameters are refused, even at their default values, as are documents in an
# assistant's turn and citations on a user's text (versioning page of the API documentation).
_NEWER_VERSION = "2026-10-21"
_SAMPLING = ("temperature", "top_p", "top_k")
# What thinking is signed for: with its text in the block, and without.
_SHOWN = "messages"
_OMITTED = "messages omitted"
_NOTE = sse(b'{"type":"sandbox_note"}', "sandbox_note")


def answer(call: Call) -> Reply:
    """A message. Raises Refused (400) on a missing field or a broken rule of the API version named."""
    _need(call.body, "model", "max_tokens")
    ask = read(call)
    _check_thinking(call, ask)
    script = write(ask, call.faults)
    turn = _Turn(call, script)
    if call.streamed:
        return Reply(events=turn.events(), content_type=EVENT_STREAM, broken=broken, note=_NOTE, script=script)
    return Reply(body=orjson.dumps(turn.whole()), script=script)


def count(call: Call) -> Reply:
    """The input tokens of a message that is not sent."""
    _need(call.body, "model")
    return Reply(body=orjson.dumps({"input_tokens": input_tokens(read(call))}))


def read(call: Call) -> Ask:
    """The question in a Messages request."""
    body = call.body
    messages = _messages(call)
    blocks = _blocks(next((m["content"] for m in reversed(messages) if m["role"] == "user"), ""))
    kinds = [block.get("type") for block in blocks]
    format_ = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    return Ask(
        text="\n".join(block.get("text", "") for block in blocks if block.get("type") == "text"),
        weight=weigh([message["content"] for message in messages])
        + weigh(body.get("system"))
        + weigh(body.get("tools")),
        images=kinds.count("image"),
        files=kinds.count("document"),
        toolbox=_toolbox(body),
        results=tuple(_result(block) for block in blocks if block.get("type") == "tool_result"),
        schema=format_.get("schema") if format_.get("type") == "json_schema" else None,
        thinks=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
        limits=Limits(body.get("max_tokens"), tuple(body.get("stop_sequences") or ())),
    )


def broken(problem: Problem, sent: int) -> bytes:
    """A Messages stream's own error event."""
    return sse(orjson.dumps(anthropic_error(problem, "req_sandbox")), "error")


def _need(body: Json, *names: str) -> None:
    for name in (*names, "messages"):
        if body.get(name) is None:
            raise Refused(400, f"{name}: Field required")


def _messages(call: Call) -> list[Any]:
    messages = call.body["messages"]
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "messages: at least one message is required")
    for number, message in enumerate(messages):
        if not isinstance(message, Mapping) or message.get("role") not in ("user", "assistant", "system"):
            raise Refused(400, f"messages.{number}.role: Input should be 'user' or 'assistant'")
        if not message.get("content") and number < len(messages) - 1:
            raise Refused(400, f"messages.{number}: all messages must have non-empty content")
        if "content" not in message:
            raise Refused(400, f"messages.{number}.content: Field required")
    if call.headers.get("anthropic-version", "") >= _NEWER_VERSION:
        _newer_rules(call.body, messages)
    return messages


def _newer_rules(body: Json, messages: list[Any]) -> None:
    for name in _SAMPLING:
        if name in body:
            raise Refused(400, f"{name}: Extra inputs are not permitted")
    for number, message in enumerate(messages):
        for place, block in enumerate(_blocks(message["content"])):
            where = f"messages.{number}.content.{place}"
            if message["role"] == "assistant" and block.get("type") == "document":
                raise Refused(400, f"{where}: document blocks are not permitted in assistant messages")
            if message["role"] == "user" and block.get("type") == "text" and block.get("citations"):
                raise Refused(400, f"{where}.citations: citations are not permitted on user text blocks")


def _check_thinking(call: Call, ask: Ask) -> None:
    """Thinking comes back as it was given out, and is there when the turn it belongs to goes on after a tool.

    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks
    """
    turns = [(number, _blocks(m["content"])) for number, m in enumerate(call.body["messages"]) if m["role"] != "user"]
    for number, blocks in turns:
        for place, block in enumerate(blocks):
            if block.get("type") == "thinking":
                _genuine(block, f"messages.{number}.content.{place}")
    if not (ask.thinks and ask.results and turns):
        return
    number, blocks = turns[-1]
    needed = call.body["thinking"]["type"] == "enabled"
    if call.faults.thinking_back:
        needed = any(call.house.thought(block.get("id")) is not None for block in blocks)
    if needed and blocks and blocks[0].get("type") not in ("thinking", "redacted_thinking"):
        message = (
            f"messages.{number}.content.0.type: Expected `thinking` or `redacted_thinking`, but found"
            f" `{blocks[0].get('type')}`. When `thinking` is enabled, a final `assistant` message must start with a"
            " thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        )
        raise Refused(400, message)


def _genuine(block: Mapping[str, Any], where: str) -> None:
    if "signature" not in block:
        raise Refused(400, f"{where}.thinking.signature: Field required")
    signed = opened(block["signature"])
    if signed is None or signed.place not in (_SHOWN, _OMITTED):
        raise Refused(400, f"{where}: Invalid `signature` in `thinking` block")
    if block.get("thinking") != (signed.thought if signed.place == _SHOWN else ""):
        message = (
            "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks"
            " must remain as they were in the original response."
        )
        raise Refused(400, f"{where}: {message}")


def _blocks(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []


def _result(block: Mapping[str, Any]) -> str:
    return "\n".join(inner.get("text", "") for inner in _blocks(block.get("content")) if inner.get("type") == "text")


def _toolbox(body: Json) -> Toolbox:
    offered = tuple(
        Tool(tool["name"], tool.get("input_schema") or {})
        for tool in body.get("tools") or ()
        if tool.get("type", "custom") == "custom" and "name" in tool
    )
    choice = body.get("tool_choice") or {}
    modes: dict[str, Mode] = {"any": "any", "tool": "any", "none": "none"}
    only = frozenset([choice["name"]] if choice.get("name") else [])
    return Toolbox(
        offered, modes.get(choice.get("type", ""), "auto"), only, not choice.get("disable_parallel_tool_use")
    )


def _usage(usage: Usage, output: int) -> Json:
    """Anthropic counts cache reads and writes beside `input_tokens`, not in it."""
    return {
        "input_tokens": usage.input - usage.cached - usage.cache_write,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": output,
    }


@frozen(eq=False, slots=False)
class _Turn:
    """One assistant turn being put into Messages' words."""

    call: Call
    script: Script

    def whole(self) -> Json:
        script = self.script
        blocks: list[Json] = []
        if script.thinking:
            blocks.append({"type": "thinking", "thinking": self._shown_thought(), "signature": self._signature()})
        if script.text:
            blocks.append({"type": "text", "text": script.text})
        blocks += [{**self._tool_use(made), "input": orjson.loads(made.arguments)} for made in script.calls]
        ending = {**self._message(blocks, script.usage.output), **self._ending()}
        ending["usage"]["output_tokens_details"] = {"thinking_tokens": script.usage.reasoning}
        return ending

    def _message(self, content: list[Json], output: int) -> Json:
        write_5m = self.script.usage.cache_write
        usage = {
            **_usage(self.script.usage, output),
            "cache_creation": {"ephemeral_5m_input_tokens": write_5m, "ephemeral_1h_input_tokens": 0},
            "service_tier": "standard",
        }
        return {
            "model": self.call.model,
            "id": self.call.house.mint("msg_01", 22),
            "type": "message",
            "role": "assistant",
            "content": content,
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": usage,
        }

    def _ending(self) -> Json:
        refused = {"type": "refusal", "category": None, "explanation": None}
        return {
            "stop_reason": _FINISH[self.script.finish],
            "stop_sequence": self.script.stop,
            "stop_details": refused if self.script.finish == "refusal" else None,
        }

    def _shown_thought(self) -> str:
        omitted = (self.call.body.get("thinking") or {}).get("display") == "omitted"
        return "" if omitted else self.script.thought

    def _signature(self) -> str:
        return sign(_SHOWN if self._shown_thought() else _OMITTED, self.script.thought)

    def _tool_use(self, made: ToolCall) -> Json:
        ident = self.call.house.mint("toolu_01", 22)
        if self.script.thinking:
            self.call.house.think(ident, self.script.thought)
        return {
            "type": "tool_use",
            "id": ident,
            "name": made.name,
            "input": {},
        }

    def events(self) -> Iterator[Event]:
        yield _event({"type": "message_start", "message": self._message([], 1)}, Kind.OPEN)
        for index, (block, deltas) in enumerate(self._blocks()):
            yield _event({"type": "content_block_start", "index": index, "content_block": block}, Kind.OPEN)
            if index == 0:
                yield _event({"type": "ping"}, Kind.OPEN)
            for delta in deltas:
                yield _event({"type": "content_block_delta", "index": index, "delta": delta}, Kind.CONTENT)
            yield _event({"type": "content_block_stop", "index": index}, Kind.OPEN)
        usage = self.script.usage
        final = {**_usage(usage, usage.output), "output_tokens_details": {"thinking_tokens": usage.reasoning}}
        yield _event({"type": "message_delta", "delta": self._ending(), "usage": final}, Kind.END)
        yield _event({"type": "message_stop"}, Kind.DONE)

    def _blocks(self) -> Iterator[tuple[Json, list[Json]]]:
        """Each content block as it opens, with the deltas that fill it."""
        script = self.script
        if script.thinking:
            shown = script.thinking if self._shown_thought() else ()
            deltas: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in shown]
            deltas.append({"type": "signature_delta", "signature": self._signature()})
            yield {"type": "thinking", "thinking": "", "signature": ""}, deltas
        if script.pieces:
            yield (
                {"type": "text", "text": ""},
                [{"type": "text_delta", "text": piece} for piece in script.pieces],
            )
        for made in script.calls:
            fragments = ["", *made.fragments()]
            yield (
                self._tool_use(made),
                [{"type": "input_json_delta", "partial_json": part} for part in fragments],
            )


def _event(payload: Json, kind: Kind) -> Event:
    return Event(sse(orjson.dumps(payload), payload["type"]), kind)

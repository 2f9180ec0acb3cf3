"""OpenAI Chat Completions, plain and streamed (platform.openai.com, API reference, "Chat")."""

import time
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

import orjson
from attrs import evolve, frozen

from . import chat_thinking as thinking
from .errors import Problem, openai_error
from .openai_input import attachments, limits, need, need_list, text_of, toolbox
from .reply import EVENT_STREAM, Call, Event, Json, Kind, Reply, sse
from .script import Ask, Finish, Script, Usage, weigh, write

_FINISH: dict[Finish, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool": "tool_calls",
    "refusal": "stop",
}
_DONE = Event(b"data: [DONE]\n\n", Kind.DONE)
_NOTE = sse(b'{"id":"","object":"chat.completion.chunk","created":0,"model":"","choices":[],"sandbox_note":1}')
_MOST_CHOICES = 16


def answer(call: Call) -> Reply:
    """A chat completion. Raises Refused (400) when `model` or `messages` are missing or empty."""
    need(call.body, "model")
    ask = read(call.body)
    thinking.check(call.body, call.house.thought if ask.thinks else None, strict=call.faults.thinking_back)
    script = write(ask, call.faults)
    talk = _Talk(call, script)
    if call.streamed:
        stream = Reply(events=talk.events(), content_type=EVENT_STREAM, broken=broken, note=_NOTE)
        return evolve(stream, script=script, counted=talk.counted)
    return Reply(body=orjson.dumps(talk.whole()), script=script)


def read(body: Json) -> Ask:
    """The question in a chat request."""
    messages = need_list(body, "messages")
    last_user = next((m for m in reversed(messages) if m.get("role") == "user"), messages[-1])
    images, files = attachments(last_user.get("content"))
    format_ = body.get("response_format") or {}
    schemas = {"json_schema": (format_.get("json_schema") or {}).get("schema") or {}, "json_object": {}}
    return Ask(
        text=text_of(last_user.get("content")),
        weight=weigh(messages) + weigh(body.get("tools")),
        images=images,
        files=files,
        toolbox=toolbox(body),
        results=_results(messages),
        schema=schemas.get(format_.get("type", "text")),
        thinks=thinking.way(body) is not None,
        limits=limits(body, "max_completion_tokens", "max_tokens"),
    )


def broken(problem: Problem, sent: int) -> bytes:
    """A chat stream's own error event."""
    return sse(orjson.dumps({"error": openai_error(problem)}))


def usage_of(usage: Usage, choices: int = 1) -> Json:
    """Usage in OpenAI's older names; `choices` answers were spoken, the prompt was read once."""
    spoken = usage.output * choices
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": spoken,
        "total_tokens": usage.input + spoken,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning * choices,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _results(messages: list[Any]) -> tuple[str, ...]:
    found: list[str] = []
    for message in reversed(messages):
        if message.get("role") not in ("tool", "function"):
            break
        found.insert(0, text_of(message.get("content")))
    return tuple(found)


@frozen(eq=False, slots=False)
class _Talk:
    """One completion being put into Chat's words."""

    call: Call
    script: Script

    @property
    def _choices(self) -> int:
        wanted = self.call.body.get("n")
        return max(1, min(wanted, _MOST_CHOICES)) if isinstance(wanted, int) else 1

    @property
    def counted(self) -> bool:
        """Whether a stream tells its usage: when it is asked to."""
        return bool((self.call.body.get("stream_options") or {}).get("include_usage"))

    def _frame(self, object_: str) -> Json:
        return {
            "id": self.call.house.mint("chatcmpl-", 29),
            "object": object_,
            "created": int(time.time()),
            "model": self.call.model,
            "service_tier": "default",
            "system_fingerprint": "fp_sandbox",
        }

    def whole(self) -> Json:
        choices = [
            {
                "index": index,
                "message": self._message(),
                "logprobs": self._logprobs(self.script.pieces),
                "finish_reason": _FINISH[self.script.finish],
            }
            for index in range(self._choices)
        ]
        usage = usage_of(self.script.usage, self._choices)
        return {**self._frame("chat.completion"), "choices": choices, "usage": usage}

    def _message(self) -> Json:
        script = self.script
        refused = script.finish == "refusal"
        message: Json = {
            "role": "assistant",
            "content": None if refused or script.calls else script.text,
            "refusal": script.text if refused else None,
            "annotations": [],
        }
        if script.thinking:
            message |= thinking.whole(self._way, script.thought)
        if script.calls:
            message["tool_calls"] = [
                {**self._tool_call(first=not index), "function": {"name": made.name, "arguments": made.arguments}}
                for index, made in enumerate(script.calls)
            ]
        return message

    @property
    def _way(self) -> thinking.Way:
        return thinking.way(self.call.body) or "content"

    def _tool_call(self, *, first: bool) -> Json:
        """A call without its function."""
        ident, thought = self.call.house.mint("call_", 24), self.script.thought
        if thought:
            self.call.house.think(ident, thought)
        beside = thinking.beside_call(self._way, thought) if thought and first else {}
        return {"id": ident, "type": "function", **beside}

    def _logprobs(self, pieces: tuple[str, ...]) -> Json | None:
        if not self.call.body.get("logprobs"):
            return None
        top = self.call.body.get("top_logprobs") or 0
        entries = []
        for piece in pieces:
            entry = {"token": piece, "logprob": -0.125, "bytes": list(piece.encode())}
            entries.append({**entry, "top_logprobs": [entry] if top else []})
        return {"content": entries, "refusal": None}

    def events(self) -> Iterator[Event]:
        frame = self._frame("chat.completion.chunk")
        usage = {"usage": None} if self.counted else {}

        def event(choices: list[Json], kind: Kind, extra: Json = usage) -> Event:
            return Event(sse(orjson.dumps({**frame, "choices": choices, **extra})), kind)

        yield from self._spoken(lambda choice, kind: event([choice], kind))
        if usage:
            yield event([], Kind.END, {"usage": usage_of(self.script.usage, self._choices)})
        yield _DONE

    def _spoken(self, event: Callable[[Json, Kind], Event]) -> Iterator[Event]:
        """The choices' chunks: roles first, then deltas in turn, then the reasons for ending."""
        indexes = range(self._choices)
        opening = {"role": "assistant", "content": None if self.script.calls else "", "refusal": None}
        for index in indexes:
            yield event(_choice(index, opening), Kind.OPEN)
        for deltas in zip_longest(*(list(self._deltas()) for _ in indexes)):
            for index, (delta, logprobs) in enumerate(deltas):
                yield event({**_choice(index, delta), "logprobs": logprobs}, Kind.CONTENT)
        for index in indexes:
            yield event(_choice(index, {}, _FINISH[self.script.finish]), Kind.END)

    def _deltas(self) -> Iterator[tuple[Json, Json | None]]:
        script = self.script
        said = "refusal" if script.finish == "refusal" else "content"
        for delta in thinking.deltas(self._way, script.thinking):
            yield delta, None
        for piece in script.pieces:
            yield {said: piece}, self._logprobs((piece,))
        for index, made in enumerate(script.calls):
            function = {"name": made.name, "arguments": ""}
            yield _tool_delta({"index": index, **self._tool_call(first=not index), "function": function}), None
            for fragment in made.fragments():
                yield _tool_delta({"index": index, "function": {"arguments": fragment}}), None


def _choice(index: int, delta: Json, finish: str | None = None) -> Json:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def _tool_delta(entry: Json) -> Json:
    return {"tool_calls": [entry]}

"""OpenAI Responses: made, streamed, stored, read back (platform.openai.com, API reference, "Responses")."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
from attrs import frozen

from .errors import Problem, Refused, openai_error
from .openai_input import attachments, limits, need, text_of, toolbox
from .reply import EVENT_STREAM, Call, Event, Json, Kind, Reply, sse
from .script import Ask, Script, ToolCall, Usage, weigh, write
from .thinking import opened, sign

# What the request may say and the response repeats, with what it says when the request was silent.
_ECHOED: Json = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
# Reasoning is signed for the item it stands in.
_PLACE = "responses "
_NOTE = sse(b'{"type":"response.sandbox_note","sequence_number":0}', "response.sandbox_note")
_OUTPUT_KINDS = ("function_call_output", "custom_tool_call_output")


def answer(call: Call) -> Reply:
    """A response. Raises Refused (400) without model or input, or when the previous one is not stored."""
    need(call.body, "model", "input")
    _know_previous(call)
    items, ask = _items(call), read(call.body)
    _check_reasoning(call, items, asked=ask.thinks)
    script = write(ask, call.faults)
    draft = _Draft(call, script, call.house.mint_hex("resp_", 48), int(time.time()))
    output = list(draft.items())
    done = draft.response(draft.status, [item for item, _ in output])
    if call.body.get("store") is not False:
        call.house.store(done, items)
    if call.streamed:
        events = _numbered(draft.events(output, done))
        return Reply(events=events, content_type=EVENT_STREAM, broken=draft.broken, note=_NOTE, script=script)
    if call.body.get("background"):
        return Reply(body=orjson.dumps(draft.response("queued", [])))
    return Reply(body=orjson.dumps(done), script=script)


def retrieve(call: Call) -> Reply:
    """A stored response. Raises Refused (404) when it is not stored."""
    return Reply(body=orjson.dumps(_stored(call)))


def delete(call: Call) -> Reply:
    """Forget a stored response. Raises Refused (404) when it is not stored."""
    _stored(call)
    call.house.forget(call.target)
    return Reply(body=orjson.dumps({"id": call.target, "object": "response", "deleted": True}))


def cancel(call: Call) -> Reply:
    """Cancel a background response. Raises Refused: 404 when not stored, 400 when not in the background."""
    response = _stored(call)
    if not response["background"]:
        raise Refused(400, "Cannot cancel a synchronous response.")
    response["status"] = "cancelled"
    return Reply(body=orjson.dumps(response))


def input_items(call: Call) -> Reply:
    """The items a stored response answers, newest first. Raises Refused (404) when it is not stored."""
    _stored(call)
    items = call.house.inputs[call.target][::-1]
    ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {"first_id": None, "last_id": None}
    return Reply(body=orjson.dumps({"object": "list", "data": items, **ends, "has_more": False}))


def read(body: Json) -> Ask:
    """The question in a Responses request."""
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    content = next((item.get("content") for item in reversed(items) if item.get("role") == "user"), "")
    images, files = attachments(content)
    format_ = (body.get("text") or {}).get("format") or {}
    schemas = {"json_schema": format_.get("schema") or {}, "json_object": {}}
    return Ask(
        text=text_of(content),
        weight=weigh(given) + weigh(body.get("instructions")) + weigh(body.get("tools")),
        images=images,
        files=files,
        toolbox=toolbox(body),
        results=_results(items),
        schema=schemas.get(format_.get("type", "text")),
        thinks=(body.get("reasoning") or {}).get("effort") not in (None, "none"),
        limits=limits(body, "max_output_tokens"),
    )


def _results(items: list[Any]) -> tuple[str, ...]:
    found: list[str] = []
    for item in reversed(items):
        if item.get("type") not in _OUTPUT_KINDS:
            break
        found.insert(0, text_of(item.get("output")))
    return tuple(found)


def _know_previous(call: Call) -> None:
    previous = call.body.get("previous_response_id")
    if previous is not None and previous not in call.house.stored:
        message = f"Previous response with id '{previous}' not found."
        raise Refused(400, message, "previous_response_not_found", "previous_response_id")


def _stored(call: Call) -> Json:
    response = call.house.stored.get(call.target)
    if response is None:
        raise Refused(404, f"Response with id '{call.target}' not found.")
    return response


def _items(call: Call) -> list[Json]:
    """The request's input as stored items: each with an id, message content as parts."""
    given = call.body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise Refused(
            400,
            "Invalid type for 'input': expected a string or an array of objects.",
            "invalid_type",
            "input",
        )
    stored = []
    for item in items:
        item = {"type": "message", **item} if "role" in item else dict(item)
        if isinstance(item.get("content"), str):
            kind = "output_text" if item.get("role") == "assistant" else "input_text"
            item["content"] = [{"type": kind, "text": item["content"]}]
        stored.append({"id": call.house.mint_hex("msg_", 48), **item})
    return stored


def _check_reasoning(call: Call, items: list[Json], *, asked: bool) -> None:
    """Reasoning that comes back is the sandbox's own; `asked` for it, calls that name their item come back with theirs.

    https://platform.openai.com/docs/guides/reasoning#keeping-reasoning-items-in-context
    """
    known: set[str] = set()
    for item in items:
        if item.get("type") == "reasoning":
            known.add(item["id"])
            _genuine(call, item)
        elif item.get("type") == "function_call" and asked:
            needed = call.house.thought(item.get("call_id" if call.faults.thinking_back else "id"))
            if needed is not None and needed not in known:
                raise Refused(
                    400,
                    f"Item '{item['id']}' of type 'function_call' was provided without its required 'reasoning' item:"
                    f" '{needed}'.",
                    param="input",
                )


def _genuine(call: Call, item: Json) -> None:
    ident, sealed = item["id"], item.get("encrypted_content")
    if sealed is None:
        stored = (each["id"] for response in call.house.stored.values() for each in response["output"])
        if ident not in stored:
            message = (
                f"Item with id '{ident}' not found. Items are not persisted when `store` is set to false. Try again"
                " with `store` set to true, or remove this item from your input."
            )
            raise Refused(404, message, param="input")
        return
    signed = opened(sealed)
    if signed is None or not signed.place.startswith(_PLACE):
        reason = "Encrypted content could not be decrypted or parsed."
    elif signed.place != _PLACE + ident:
        reason = "Encrypted content item_id did not match the target item id."
    else:
        return
    message = f"The encrypted content for item {ident} could not be verified. Reason: {reason}"
    raise Refused(400, message, "invalid_encrypted_content")


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


_Told = tuple[Json, list[Json]]
_Parts = Callable[[Json, int], Iterator[Json]]


@frozen(eq=False, slots=False)
class _Draft:
    """One response being put into the words of the Responses API."""

    call: Call
    script: Script
    ident: str
    created: int

    @property
    def status(self) -> str:
        """How the response ends."""
        return "incomplete" if self.script.finish == "length" else "completed"

    def response(self, status: str, output: list[Json]) -> Json:
        """The response object in one state of its life."""
        body, over = self.call.body, status in ("completed", "incomplete")
        return {
            "id": self.ident,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": bool(body.get("background")),
            "completed_at": self.created if over else None,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "model": self.call.model,
            "output": output,
            "service_tier": "default",
            **{key: silent if body.get(key) is None else body[key] for key, silent in _ECHOED.items()},
            "usage": _usage(self.script.usage) if over else None,
        }

    def items(self) -> Iterator[_Told]:
        """The output items as they end, each with the events about its inside; ids are given here, once."""
        reasoning = self._reasoning() if self.script.thinking else None
        if reasoning is not None:
            yield reasoning
        if self.script.pieces or not self.script.calls:
            yield self._message()
        for made in self.script.calls:
            item, told = self._function_call(made)
            if reasoning is not None:
                for name in ("id", "call_id"):
                    self.call.house.think(item[name], reasoning[0]["id"])
            yield item, told

    def _reasoning(self) -> _Told:
        script, ident = self.script, self.call.house.mint_hex("rs_", 48)
        asked = (self.call.body.get("reasoning") or {}).get("summary")
        summary = [{"type": "summary_text", "text": script.thought}] if asked else []
        item: Json = {"id": ident, "type": "reasoning", "summary": summary}
        if "reasoning.encrypted_content" in (self.call.body.get("include") or ()):
            item["encrypted_content"] = sign(_PLACE + ident, script.thought)
        if not asked:
            return item, []
        at = {"item_id": ident, "summary_index": 0}
        kind = "response.reasoning_summary"
        opened = {"type": f"{kind}_part.added", **at, "part": {"type": "summary_text", "text": ""}}
        deltas = [{"type": f"{kind}_text.delta", **at, "delta": piece} for piece in script.thinking]
        closed = [
            {"type": f"{kind}_text.done", **at, "text": script.thought},
            {"type": f"{kind}_part.done", **at, "part": summary[0]},
        ]
        return item, [opened, *deltas, *closed]

    def _message(self) -> _Told:
        script, ident = self.script, self.call.house.mint_hex("msg_", 48)
        refused = script.finish == "refusal"
        kind, word = ("refusal", "refusal") if refused else ("output_text", "text")
        at = {"item_id": ident, "content_index": 0}
        extra: Json = {} if refused else {"logprobs": []}

        def part(text: str) -> Json:
            return (
                {"type": kind, word: text} if refused else {"type": kind, "annotations": [], "logprobs": [], word: text}
            )

        told = [
            {"type": "response.content_part.added", **at, "part": part("")},
            *({"type": f"response.{kind}.delta", **at, "delta": piece, **extra} for piece in script.pieces),
            {"type": f"response.{kind}.done", **at, word: script.text, **extra},
            {"type": "response.content_part.done", **at, "part": part(script.text)},
        ]
        status = self.status
        item = {
            "id": ident,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [part(script.text)],
        }
        return item, told

    def _function_call(self, made: ToolCall) -> _Told:
        house = self.call.house
        ident = house.mint_hex("fc_", 48)
        kind, at = "response.function_call_arguments", {"item_id": ident}
        told = [{"type": f"{kind}.delta", **at, "delta": part} for part in made.fragments()]
        told.append({"type": f"{kind}.done", **at, "name": made.name, "arguments": made.arguments})
        item = {"id": ident, "type": "function_call", "status": "completed", "arguments": made.arguments}
        return {**item, "call_id": house.mint("call_", 24), "name": made.name}, told

    def events(self, output: list[_Told], done: Json) -> Iterator[tuple[Json, Kind]]:
        """The whole stream but for its sequence numbers."""
        yield {"type": "response.created", "response": self.response("in_progress", [])}, Kind.OPEN
        yield {"type": "response.in_progress", "response": self.response("in_progress", [])}, Kind.OPEN
        for index, (item, told) in enumerate(output):
            yield (
                {"type": "response.output_item.added", "output_index": index, "item": _begun(item)},
                Kind.OPEN,
            )
            for event in told:
                kind = Kind.CONTENT if event["type"].endswith(".delta") else Kind.OPEN
                yield {**event, "output_index": index}, kind
            yield {"type": "response.output_item.done", "output_index": index, "item": item}, Kind.OPEN
        yield {"type": f"response.{self.status}", "response": done}, Kind.END

    def broken(self, problem: Problem, sent: int) -> bytes:
        """An `error` event and the failed response, numbered on from what was sent."""
        error = openai_error(problem)
        told: Json = {"type": "error", **{key: error[key] for key in ("code", "message", "param")}}
        failed = {
            **self.response("failed", []),
            "error": {"code": "server_error", "message": problem.message},
        }
        events = [told, {"type": "response.failed", "response": failed}]
        return b"".join(_bytes(event, sent + number) for number, event in enumerate(events))


def _begun(item: Json) -> Json:
    """An output item as it stands when it opens: nothing in it yet."""
    empty: Json = {key: type(item[key])() for key in ("content", "summary", "arguments") if key in item}
    status = {"status": "in_progress"} if "status" in item else {}
    return {**item, **empty, **status}


def _numbered(events: Iterator[tuple[Json, Kind]]) -> Iterator[Event]:
    for number, (event, kind) in enumerate(events):
        yield Event(_bytes(event, number), kind)


def _bytes(event: Json, number: int) -> bytes:
    return sse(orjson.dumps({**event, "sequence_number": number}), event["type"])

"""OpenAI's Realtime events over a WebSocket, text only (platform.openai.com, API reference, "Realtime")."""

from collections.abc import Callable
from typing import Any

import orjson

from .errors import Problem, Refused, openai_error
from .faults import Faults
from .openai_input import text_of, toolbox
from .reply import Call, House, Json, Reply
from .script import Ask, Script, weigh, write


def answer(call: Call) -> Reply:
    """A conversation to have. Raises Refused (426) when the request is no WebSocket upgrade."""
    if call.headers.get("upgrade", "").lower() != "websocket":
        raise Refused(426, "This URL speaks WebSocket only.", "upgrade_required")
    return Reply(status=101, dialogue=Conversation(call.model, call.house, call.faults))


class Conversation:
    """One session: what was said, and what the sandbox says to each of the caller's events."""

    def __init__(self, model: str, house: House, faults: Faults) -> None:
        self._house = house
        self._faults = faults
        self._items: list[Json] = []
        self._session: Json = {
            "id": house.mint("sess_", 24),
            "object": "realtime.session",
            "type": "realtime",
            "model": model,
            "output_modalities": ["text"],
            "instructions": "",
            "tools": [],
            "tool_choice": "auto",
        }
        self._heard: dict[str, Callable[[Json], list[Json]]] = {
            "session.update": self._update,
            "conversation.item.create": self._add,
            "conversation.item.retrieve": self._show,
            "conversation.item.delete": self._drop,
            "input_audio_buffer.append": lambda event: [],
            "input_audio_buffer.clear": lambda event: [self._event("input_audio_buffer.cleared")],
            "input_audio_buffer.commit": self._commit,
            "response.create": self._respond,
            "response.cancel": lambda event: [
                self._error("There is no response to cancel.", "response_cancel_not_active")
            ],
        }

    def greet(self) -> list[Json]:
        """What is said before the caller has said anything."""
        if self._faults.error_first:
            return [self._error("The server had an error.", "server_error")]
        return [self._event("session.created", session=self._session)]

    def hear(self, text: str) -> list[Json]:
        """The events in answer to one of the caller's; an error event when it cannot be read."""
        try:
            event = orjson.loads(text)
        except orjson.JSONDecodeError:
            return [self._error("Could not parse the event as JSON.", "invalid_json")]
        kind = event.get("type") if isinstance(event, dict) else None
        answer = self._heard.get(str(kind))
        if answer is None:
            return [self._error(f"Invalid value: '{kind}'.", "invalid_value")]
        return answer(event)

    def _event(self, kind: str, **members: Any) -> Json:
        return {"type": kind, "event_id": self._house.mint("event_", 21), **members}

    def _error(self, message: str, code: str) -> Json:
        error = {**openai_error(Problem(400, message, code)), "event_id": None}
        return self._event("error", error=error)

    def _update(self, event: Json) -> list[Json]:
        self._session |= event.get("session") or {}
        return [self._event("session.updated", session=self._session)]

    def _add(self, event: Json) -> list[Json]:
        item = {
            "id": self._house.mint("item_", 21),
            "object": "realtime.item",
            "status": "completed",
            **event["item"],
        }
        previous = self._items[-1]["id"] if self._items else None
        self._items.append(item)
        return [
            self._event("conversation.item.added", previous_item_id=previous, item=item),
            self._event("conversation.item.done", previous_item_id=previous, item=item),
        ]

    def _show(self, event: Json) -> list[Json]:
        found = [item for item in self._items if item["id"] == event.get("item_id")]
        if not found:
            return [self._error("Item not found.", "item_not_found")]
        return [self._event("conversation.item.retrieved", item=found[0])]

    def _drop(self, event: Json) -> list[Json]:
        self._items = [item for item in self._items if item["id"] != event.get("item_id")]
        return [self._event("conversation.item.deleted", item_id=event.get("item_id"))]

    def _commit(self, event: Json) -> list[Json]:
        item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}
        committed = self._add({"item": item})
        ident = self._items[-1]["id"]
        return [self._event("input_audio_buffer.committed", previous_item_id=None, item_id=ident), *committed]

    def _respond(self, event: Json) -> list[Json]:
        asked = event.get("response") or {}
        script = write(self._ask(asked), self._faults)
        response: Json = {
            "id": self._house.mint("resp_", 21),
            "object": "realtime.response",
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "output_modalities": ["text"],
            "metadata": asked.get("metadata"),
            "usage": None,
        }
        told = [self._event("response.created", response=response)]
        output = []
        for index, (item, inside) in enumerate(self._output(script)):
            at = {"response_id": response["id"], "output_index": index}
            empty: Json = {"content": []} if "content" in item else {"arguments": ""}
            opened = {**item, "status": "in_progress", **empty}
            told.append(self._event("response.output_item.added", **at, item=opened))
            told += [self._event(kind, **at, item_id=item["id"], **members) for kind, members in inside]
            told.append(self._event("response.output_item.done", **at, item=item))
            output.append(item)
        self._items += output
        done = {**response, "status": "completed", "output": output, "usage": _usage(script)}
        return [*told, self._event("response.done", response=done)]

    def _ask(self, asked: Json) -> Ask:
        users = [item for item in self._items if item.get("role") == "user"]
        last = self._items[-1] if self._items else {}
        results = (str(last.get("output", "")),) if last.get("type") == "function_call_output" else ()
        return Ask(
            text=text_of(users[-1].get("content")) if users else str(asked.get("instructions") or ""),
            weight=weigh([item.get("content") for item in self._items]) + weigh(self._session["instructions"]),
            toolbox=toolbox({**self._session, **asked}),
            results=results,
        )

    def _output(self, script: Script) -> list[tuple[Json, list[tuple[str, Json]]]]:
        """The items of a response, each with the events between its opening and its end."""
        if script.calls:
            return [self._call(made.name, made.arguments, made.fragments()) for made in script.calls]
        at = {"content_index": 0}
        part = {"type": "output_text", "text": script.text}
        inside: list[tuple[str, Json]] = [("response.content_part.added", {**at, "part": {**part, "text": ""}})]
        inside += [("response.output_text.delta", {**at, "delta": piece}) for piece in script.pieces]
        inside.append(("response.output_text.done", {**at, "text": script.text}))
        inside.append(("response.content_part.done", {**at, "part": part}))
        return [({**self._item("message"), "role": "assistant", "content": [part]}, inside)]

    def _call(self, name: str, arguments: str, fragments: list[str]) -> tuple[Json, list[tuple[str, Json]]]:
        ident = self._house.mint("call_", 21)
        kind = "response.function_call_arguments"
        inside: list[tuple[str, Json]] = [(f"{kind}.delta", {"call_id": ident, "delta": part}) for part in fragments]
        inside.append((f"{kind}.done", {"call_id": ident, "name": name, "arguments": arguments}))
        return {**self._item("function_call"), "call_id": ident, "name": name, "arguments": arguments}, inside

    def _item(self, kind: str) -> Json:
        ident = self._house.mint("item_", 21)
        return {"id": ident, "object": "realtime.item", "type": kind, "status": "completed"}


def _usage(script: Script) -> Json:
    usage = script.usage
    details = {
        "text_tokens": usage.input,
        "audio_tokens": 0,
        "image_tokens": 0,
        "cached_tokens": usage.cached,
    }
    return {
        "total_tokens": usage.input + usage.output,
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "input_token_details": details,
        "output_token_details": {"text_tokens": usage.output, "audio_tokens": 0},
    }

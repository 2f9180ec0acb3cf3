"""Signatures, and thinking that has to come back in the next turn of a loop of tools."""

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from aigw.sandbox.thinking import Signed, opened, sign

THOUGHT = "The user said: use the tool I will answer."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "get_weather", "parameters": SCHEMA}
ASKING = {"role": "user", "content": "use the tool"}


def test_a_signature_holds_what_it_signs() -> None:
    """It is the same for the same thought at the same place, and read back as that."""
    assert sign("here", "a") == sign("here", "a")
    assert len({sign("here", "a"), sign("here", "b"), sign("there", "a")}) == 3
    assert opened(sign("here", "wörd")) == Signed("here", "wörd")


@pytest.mark.parametrize(
    "signature", [None, 5, "", "?", "c2ln", "c2FuZGJveDo=", sign("a", "b")[:-4], "A" + sign("a", "b")]
)
def test_nothing_else_is_a_signature(signature: object) -> None:
    """Absent, foreign, cut or altered ones are none."""
    assert opened(signature) is None


class Loop:
    """Two turns of a loop of tools in one API: what is asked, and how the second turn is made of the first's answer."""

    def __init__(self, path: str, body: dict[str, Any], members: dict[str, Any], key: str) -> None:
        self.path = path
        self.body = body
        self.first = {**body, **members}
        self.key = key  # of the list of turns

    def turn(self, answer: dict[str, Any]) -> list[Any]:
        """What the first answer adds to the conversation, with the result of its call."""
        raise NotImplementedError


class Chat(Loop):
    def turn(self, answer: dict[str, Any]) -> list[Any]:
        message = answer["choices"][0]["message"]
        result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "sunny"}
        return [message, result]


class Responses(Loop):
    def turn(self, answer: dict[str, Any]) -> list[Any]:
        result = {"type": "function_call_output", "call_id": answer["output"][-1]["call_id"], "output": "sunny"}
        return [*answer["output"], result]


class Messages(Loop):
    def turn(self, answer: dict[str, Any]) -> list[Any]:
        result = {"type": "tool_result", "tool_use_id": answer["content"][-1]["id"], "content": "sunny"}
        return [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": [result]}]


class Gemini(Loop):
    def turn(self, answer: dict[str, Any]) -> list[Any]:
        content = answer["candidates"][0]["content"]
        result = {"name": "get_weather", "response": {"result": "sunny"}}
        return [content, {"role": "user", "parts": [{"functionResponse": result}]}]


def _chat(model: str, **members: Any) -> Chat:
    tools = [{"type": "function", "function": FUNCTION}]
    return Chat("/v1/chat/completions", {"model": model, "messages": [ASKING], "tools": tools}, members, "messages")


def _messages(thinking: dict[str, Any], model: str = "m") -> Messages:
    tools = [{"name": "get_weather", "input_schema": SCHEMA}]
    body = {"model": model, "max_tokens": 4096, "messages": [ASKING], "tools": tools}
    return Messages("/v1/messages", body, {"thinking": thinking}, "messages")


def _responses(**members: Any) -> Responses:
    body = {"model": "m", "input": [ASKING], "tools": [{"type": "function", **FUNCTION}]}
    return Responses("/v1/responses", body, {"reasoning": {"effort": "low", "summary": "auto"}, **members}, "input")


CONTENTS = [{"role": "user", "parts": [{"text": "use the tool"}]}]
LOOPS: dict[str, Loop] = {
    "deepseek": _chat("m", thinking={"type": "enabled"}),
    "openrouter": _chat("m", reasoning={"effort": "low"}),
    "a strict openrouter": _chat("m!thinking-back", reasoning={"effort": "low"}),
    "google's chat": _chat("gemini-3-pro", reasoning_effort="low"),
    "a server of open models": _chat("m-think", reasoning_effort="low"),
    "a strict one": _chat("m-think!thinking-back", reasoning_effort="low"),
    "responses": _responses(include=["reasoning.encrypted_content"], store=False),
    "stored responses": _responses(),
    "messages": _messages({"type": "enabled", "budget_tokens": 1024}),
    "adaptive messages": _messages({"type": "adaptive"}),
    "strict messages": _messages({"type": "adaptive"}, "m!thinking-back"),
    "unseen messages": _messages({"type": "adaptive", "display": "omitted"}),
    "older chat of google's": _chat("gemini-2.5-pro", reasoning_effort="low"),
    "older gemini": Gemini(
        "/v1beta/models/gemini-2.5-pro:generateContent",
        {"contents": CONTENTS, "tools": [{"functionDeclarations": [FUNCTION]}]},
        {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}},
        "contents",
    ),
    "gemini": Gemini(
        "/v1beta/models/gemini-3-pro:generateContent",
        {"contents": CONTENTS, "tools": [{"functionDeclarations": [FUNCTION]}]},
        {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}},
        "contents",
    ),
}


async def _second(client: aiohttp.ClientSession, loop: Loop, change: Callable[[str], str]) -> tuple[int, str]:
    """The status and the text of the answer to the second turn, whose turns were changed as JSON."""
    async with client.post(loop.path, json=loop.first) as answer:
        assert answer.status == 200, await answer.text()
        turns = loop.turn(await answer.json())
    said = json.loads(change(json.dumps(turns)))
    async with client.post(loop.path, json={**loop.first, loop.key: loop.body[loop.key] + said}) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("name", LOOPS)
async def test_thinking_that_comes_back_is_taken(client: aiohttp.ClientSession, name: str) -> None:
    """A loop goes on when the turn is sent back as it came."""
    status, said = await _second(client, LOOPS[name], str)
    assert status == 200, said
    assert "The tool answered: sunny" in said


def _dropping(*keys: str) -> Callable[[str], str]:
    """Turns without these members, and without the parts of these types."""

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: kept(inner) for key, inner in value.items() if key not in keys}
        if isinstance(value, list):
            return [kept(each) for each in value if not (isinstance(each, dict) and each.get("type") in keys)]
        return value

    return lambda turns: json.dumps(kept(json.loads(turns)))


def _swapping(old: str, new: str) -> Callable[[str], str]:
    def swapped(turns: str) -> str:
        assert old in turns
        return turns.replace(old, new)

    return swapped


SIGNED = sign("elsewhere", THOUGHT)[:10]
"""What every signature begins with."""


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("deepseek", _dropping("reasoning_content"), "Missing `reasoning_content` field"),
        ("deepseek", _swapping(THOUGHT, "Hm."), "Missing `reasoning_content` field"),
        ("a strict openrouter", _dropping("reasoning_details"), "is missing"),
        ("a strict one", _dropping("reasoning_content"), "Missing `reasoning_content` field"),
        ("openrouter", _swapping(SIGNED, "AAAA"), "Invalid `signature`"),
        ("openrouter", _swapping(f'"text": "{THOUGHT}"', '"text": "Hm."'), "cannot be modified"),
        ("google's chat", _dropping("extra_content"), "missing a thought_signature"),
        ("google's chat", _swapping(SIGNED, "AAAA"), "signature is not valid"),
        ("responses", _dropping("reasoning"), "without its required 'reasoning' item"),
        ("responses", _dropping("encrypted_content"), "not found. Items are not persisted"),
        ("responses", _swapping(SIGNED, "AAAA"), "could not be decrypted"),
        ("responses", _swapping('"rs_', '"rs_0'), "did not match the target item id"),
        ("stored responses", _swapping('"rs_', '"rs_0'), "not found"),
        ("messages", _dropping("thinking"), "Expected `thinking`"),
        ("messages", _dropping("signature"), "signature: Field required"),
        ("strict messages", _dropping("thinking"), "Expected `thinking`"),
        ("messages", _swapping(SIGNED, "AAAA"), "Invalid `signature`"),
        ("messages", _swapping(THOUGHT, "Hm."), "cannot be modified"),
        ("unseen messages", _swapping('"thinking": ""', '"thinking": "Hm."'), "cannot be modified"),
        ("gemini", _dropping("thoughtSignature"), "missing a thought_signature"),
        ("gemini", _swapping(SIGNED, "AAAA"), "signature is not valid"),
    ],
)
async def test_thinking_that_does_not_is_missed(
    client: aiohttp.ClientSession, name: str, change: Callable[[str], str], says: str
) -> None:
    """What was lost or altered on its way is refused, in the words of the API."""
    status, said = await _second(client, LOOPS[name], change)
    assert status in (400, 404)
    assert says in said


async def test_either_alphabet_of_base64_is_googles(client: aiohttp.ClientSession) -> None:
    """Google's own SDKs send signatures back in the URL-safe one."""
    status, said = await _second(client, LOOPS["gemini"], lambda turns: turns.replace("+", "-").replace("=", ""))
    assert status == 200, said


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a server of open models", _dropping("reasoning_content")),
        ("openrouter", _dropping("reasoning_details")),
        ("responses", _dropping("reasoning", "id")),
        ("adaptive messages", _dropping("thinking")),
        ("older gemini", _dropping("thoughtSignature")),
        ("older chat of google's", _dropping("extra_content")),
    ],
)
async def test_what_may_be_left_away(client: aiohttp.ClientSession, name: str, change: Callable[[str], str]) -> None:
    """Where the API goes on without earlier thinking the sandbox does, too, unless it is told to be strict."""
    status, said = await _second(client, LOOPS[name], change)
    assert status == 200, said

"""An account's limits in tokens and a surface's members, for requests that pass and for translated ones."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from aigw import adapter, operations
from aigw.adapter import SURFACES, Operation, Provider
from aigw.catalog import Model
from aigw.errors import LossyTranslation, TooLarge
from aigw.relay import bounding
from aigw.relay.request import Request, WholeBody
from aigw.relay.translation import Translated, Translator
from aigw.routing.plan import Candidate, Way
from aigw.snapshot import Limits
from aigw.wire.dialect import Dialect
from aigw.wire.head import Head
from aigw.wire.neutral import Thinking
from aigw.wire.signatures import seal

from .exchanges import FORMATS

MAKER = Provider(id="maker", name="Maker", base_url="http://maker.example/v1", surfaces=SURFACES)
SURFACE = {"chat": "chat-completions"}
CAP = Limits(max_output_tokens=100)
SAID: dict[str, dict[str, Any]] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "hello"}]},
    "messages": {"model": "m", "messages": [{"role": "user", "content": "hello"}]},
    "responses": {"model": "m", "input": "hello"},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
}
OPERATIONS = {
    "chat": operations.CHAT,
    "messages": operations.MESSAGES,
    "responses": operations.RESPONSES,
    "gemini": operations.GEMINI_GENERATE,
}
LIMIT = {"chat": "max_tokens", "messages": "max_tokens", "responses": "max_output_tokens"}


def test_as_many_tokens_as_are_allowed() -> None:
    """The cap itself is allowed."""
    asked = Request(operations.CHAT, FORMATS["chat"], Head(()), {}, WholeBody(b"{}", "m", listed=False))
    bounding.check_input(asked, 100, 100)
    with pytest.raises(TooLarge):
        bounding.check_input(asked, 101, 100)


def limited(format: str, most: int | None) -> dict[str, Any]:
    """A request of a format with this limit of output."""
    if most is None:
        return SAID[format]
    if format == "gemini":
        return {**SAID[format], "generationConfig": {"maxOutputTokens": most}}
    return {**SAID[format], LIMIT[format]: most}


def limit_of(format: str, body: Any) -> Any:
    """The limit of output that a body says."""
    return body.get("generationConfig", {}).get("maxOutputTokens") if format == "gemini" else body.get(LIMIT[format])


def candidate(caps: Limits | None = CAP, *ways: Way, accepts: dict[str, set[str]] | None = None) -> Candidate:
    """One of an account with these limits, whose surfaces take these members."""
    taken = {surface: frozenset(names) for surface, names in (accepts or {}).items()}
    provider = attrs.evolve(MAKER, accepts=taken)
    own = None if ways else taken.get(adapter.CHAT_COMPLETIONS)
    return Candidate(provider, "m", None, True, ways, caps=caps, accepts=own)


def way(format: str) -> Way:
    """The way to a format."""
    return Way(SURFACE.get(format, format), format, Dialect(maker="maker", model="m"))


def translated(
    body: Any, to: Candidate, operation: Operation = operations.CHAT, *, strict: bool = False
) -> Translated | None:
    """What a candidate gets of a request."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(operation, FORMATS[operation.format], Head(()), {}, WholeBody(raw, "m", listed=False))
    request.model = "m"
    request.strict = strict
    return Translator(request, FORMATS).translated(to)


def sent(found: Translated | None) -> Any:
    """The body that goes out."""
    assert found is not None
    return json.loads(found.body.original())


def lost(found: Translated | None) -> list[str]:
    """The pointers of what is reported."""
    assert found is not None
    return [loss.pointer for loss in found.losses]


@pytest.mark.parametrize("format", OPERATIONS)
@pytest.mark.parametrize("said", [None, 5, 100, 5000])
def test_output_that_passes(format: str, said: int | None) -> None:
    """In the caller's own format the limit is held down, and said where it was not; within it the bytes are its own."""
    found = translated(limited(format, said), candidate(), OPERATIONS[format])
    if said is not None and said <= 100:
        assert found is None
        return
    assert limit_of(format, sent(found)) == 100
    assert len(lost(found)) == 1


@pytest.mark.parametrize("source", OPERATIONS)
@pytest.mark.parametrize("target", OPERATIONS)
@pytest.mark.parametrize("said", [None, 50, 5000])
def test_output_that_is_translated(source: str, target: str, said: int | None) -> None:
    """In another format too, and what is reported is the place in the caller's request."""
    found = translated(limited(source, said), candidate(CAP, way(target)), OPERATIONS[source])
    assert limit_of(target, sent(found)) == (50 if said == 50 else 100)
    place = "/generationConfig/maxOutputTokens" if source == "gemini" else f"/{LIMIT[source]}"
    assert [each for each in lost(found) if each == place] == ([] if said == 50 else [place])


def test_strict() -> None:
    """A strict request is refused where its limit would be another one."""
    with pytest.raises(LossyTranslation, match="at most 100 output tokens") as caught:
        translated(limited("chat", 5000), candidate(), strict=True)
    assert caught.value.param == "/max_tokens"
    with pytest.raises(LossyTranslation):
        translated(limited("chat", 5000), candidate(CAP, way("messages")), operations.CHAT, strict=True)
    assert translated(limited("chat", 50), candidate(), strict=True) is None


def test_a_sealed_request_is_capped() -> None:
    """What is written anew without another provider's reasoning has the cap as well."""
    turn = {"role": "assistant", "content": "x", "reasoning_details": [{"type": "reasoning.encrypted", "data": SEALED}]}
    body = {"model": "m", "messages": [turn, {"role": "user", "content": "y"}], "max_tokens": 5000}
    found = translated(body, candidate())
    assert sent(found)["max_tokens"] == 100
    assert "/max_tokens" in lost(found)


SEALED = seal(Thinking(signature="c2lnbmF0dXJl", maker="stranger"))


def test_models_that_write_less() -> None:
    """Nothing is added where the model is known to write no more than the cap."""
    known: dict[str, Any] = {"id": "m", "provider": "maker", "name": "M", "input": frozenset(), "output": frozenset()}
    facts = Model(**known, surfaces=frozenset(SURFACES), max_output=80)
    assert translated(SAID["chat"], attrs.evolve(candidate(), facts=facts)) is None


def test_completions() -> None:
    """The old completions are capped by their own member."""
    found = translated({"model": "m", "prompt": "x", "max_tokens": 999}, candidate(), operations.COMPLETIONS)
    assert sent(found) == {"model": "m", "prompt": "x", "max_tokens": 100}
    found = translated({"model": "m", "prompt": "x"}, candidate(), operations.COMPLETIONS)
    assert sent(found)["max_tokens"] == 100


def test_the_member_that_the_surface_takes() -> None:
    """A limit that was not said is said in the words that the surface takes."""
    to = candidate(accepts={adapter.CHAT_COMPLETIONS: {"max_completion_tokens"}})
    assert sent(translated(SAID["chat"], to))["max_completion_tokens"] == 100


LONG = "word " * 400  # 500 tokens


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        (operations.CHAT, {"model": "m", "messages": [{"role": "user", "content": LONG}]}),
        (operations.CHAT, {"model": "m", "messages": [{"role": "system", "content": LONG}]}),
        (operations.CHAT, {**SAID["chat"], "tools": [{"type": "function", "function": {"name": LONG}}]}),
        (operations.CHAT, {**SAID["chat"], "prediction": {"type": "content", "content": LONG}}),
        (operations.CHAT, {"model": "m", "messages": [{"role": "user", "content": "x", "unknown": LONG}]}),
        (operations.CHAT, {"model": "m", "messages": [{"role": "nobody knows", "content": LONG}]}),
        (operations.CHAT, {"model": "m", "messages": LONG}),
        (operations.MESSAGES, {"model": "m", "system": LONG, **SAID["messages"]}),
        (operations.RESPONSES, {"model": "m", "input": LONG}),
        (operations.RESPONSES, {"model": "m", "input": "x", "instructions": LONG}),
        (operations.GEMINI_GENERATE, {"contents": [{"parts": [{"text": LONG}]}]}),
        (operations.EMBEDDINGS, {"model": "m", "input": ["x", LONG]}),
        (operations.EMBEDDINGS, {"model": "m", "input": [[1] * 500]}),
        (operations.GEMINI_EMBED, {"content": {"parts": [{"text": LONG}]}}),
        (operations.GEMINI_BATCH_EMBED, {"requests": [{"content": {"parts": [{"text": LONG}]}}]}),
        (operations.COMPLETIONS, {"model": "m", "prompt": LONG}),
        (operations.COMPLETIONS, {"model": "m", "prompt": [1] * 500}),
    ],
)
def test_input(operation: Operation, body: Any) -> None:
    """Text wherever it stands counts, also in members that nobody knows and in requests that cannot be read."""
    with pytest.raises(TooLarge, match="and 400 are allowed here") as caught:
        translated(body, candidate(Limits(max_input_tokens=400)), operation)
    assert (caught.value.http_status, caught.value.error_code) == (413, "input_too_large")
    assert translated(body, candidate(Limits(max_input_tokens=600)), operation) is None


def test_images_count_by_their_size() -> None:
    """A picture has as many tokens as it has parts to look at, not as its base64 has characters."""
    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 40_000}}
    body = {"model": "m", "messages": [{"role": "user", "content": [url]}]}
    assert translated(body, candidate(Limits(max_input_tokens=2000))) is None


def test_translated_input() -> None:
    """The way to another format makes no difference."""
    body = {"model": "m", "messages": [{"role": "user", "content": LONG}]}
    with pytest.raises(TooLarge):
        translated(body, candidate(Limits(max_input_tokens=400), way("messages")))


def test_small_requests_are_not_read() -> None:
    """What cannot have so many tokens by its bytes passes unread, even if it could not be read."""
    assert translated(b'{"model":"m","messages":3}', candidate(Limits(max_input_tokens=100_000))) is None


TAKES = {"temperature", "max_tokens"}


def test_members_that_pass() -> None:
    """Of the caller's own bytes only what the surface does not take is left out."""
    to = candidate(None, accepts={adapter.CHAT_COMPLETIONS: TAKES})
    body = {**SAID["chat"], "temperature": 0.5, "seed": 1, "stream": True}
    found = translated(body, to)
    assert sent(found) == {**SAID["chat"], "temperature": 0.5, "stream": True}
    assert lost(found) == ["/seed"]
    assert translated({**SAID["chat"], "temperature": 0.5}, to) is None
    with pytest.raises(LossyTranslation):
        translated(body, to, strict=True)


def test_members_that_are_translated() -> None:
    """Of what is written anew too; what the caller did not say it does not lose."""
    to = candidate(None, way("chat"), accepts={adapter.CHAT_COMPLETIONS: TAKES})
    body = {**SAID["messages"], "max_tokens": 9, "temperature": 0.5, "top_p": 0.5, "stop_sequences": ["x"]}
    found = translated(body, to, operations.MESSAGES)
    assert sent(found) == {**SAID["chat"], "max_tokens": 9, "temperature": 0.5}
    assert sorted(lost(found)) == ["/stop_sequences", "/top_p"]


def test_tools_that_are_not_taken() -> None:
    """Tools are a member like any other, and reported where the caller has them."""
    tool = {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}
    to = candidate(None, way("chat"), accepts={adapter.CHAT_COMPLETIONS: TAKES})
    found = translated({**SAID["messages"], "max_tokens": 9, "tools": [tool]}, to, operations.MESSAGES)
    assert "tools" not in sent(found)
    assert lost(found) == ["/tools"]


def test_other_tasks_of_a_surface() -> None:
    """What Gemini's surface takes is said of conversations, and what is no JSON is not looked into."""
    to = candidate(None, accepts={adapter.GEMINI: TAKES, adapter.AUDIO: TAKES})
    to = attrs.evolve(to, accepts=frozenset(TAKES))
    body = {"content": {"parts": [{"text": "x"}]}, "taskType": "RETRIEVAL_QUERY"}
    assert translated(body, to, operations.GEMINI_EMBED) is None
    assert translated(b"--boundary\r\n\r\nx", to, operations.TRANSCRIPTIONS) is None

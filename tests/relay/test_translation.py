"""What each candidate gets of a caller's request: when it is other bytes than the caller's, and which."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from aigw import adapter, operations
from aigw.adapter import SURFACES, Provider
from aigw.catalog import Model
from aigw.errors import InvalidBody, LossyTranslation
from aigw.relay.request import Request, WholeBody
from aigw.relay.translation import Translator, effort
from aigw.routing.plan import Candidate, Way
from aigw.wire.dialect import Dialect
from aigw.wire.head import Head
from aigw.wire.neutral import Thinking
from aigw.wire.signatures import seal

from .exchanges import FORMATS

MAKER = Provider(id="maker", name="Maker", base_url="http://maker.example/v1", surfaces=SURFACES)
SEALED = seal(Thinking(signature="c2lnbmF0dXJl", maker="stranger"))
OPERATIONS = {"chat": operations.CHAT, "messages": operations.MESSAGES, "responses": operations.RESPONSES}


def translator(format: str, body: Any, **how: Any) -> Translator:
    """For a request in a format; `how` are attributes of the request."""
    raw = json.dumps(body).encode()
    request = Request(
        OPERATIONS[format], FORMATS[format], Head(()), {}, WholeBody(raw, body.get("model"), listed=False)
    )
    request.model = "m"
    for name, value in how.items():
        setattr(request, name, value)
    return Translator(request, FORMATS)


def candidate(*ways: Way, refused: frozenset[str] = frozenset()) -> Candidate:
    """One whose model refuses these parameters, reached by these ways."""
    known = {"id": "m", "provider": "maker", "name": "M", "input": frozenset(), "output": frozenset()}
    facts = Model(**known, surfaces=frozenset(SURFACES), refused=refused) if refused else None  # type: ignore[arg-type]
    return Candidate(MAKER, "m", None, True, ways, facts)


def way(surface: str, **traits: Any) -> Way:
    """One way, with traits of the dialect."""
    format = {"chat-completions": "chat"}.get(surface, surface)
    return Way(surface, format, Dialect(maker="maker", model="m", **traits))


HELLO = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
TO_MESSAGES, TO_RESPONSES = way(adapter.MESSAGES), way(adapter.RESPONSES)


def test_the_callers_own_bytes_pass() -> None:
    """Where the format is spoken and nothing is known to be refused there is no translation."""
    assert translator("chat", HELLO).translated(candidate()) is None


def test_the_way_that_loses_least_is_taken() -> None:
    """The provider's preferred surface, unless another one loses less of this very request."""
    both = candidate(TO_RESPONSES, TO_MESSAGES)
    preferred = translator("chat", HELLO).translated(both)
    assert preferred is not None
    assert preferred.operation is operations.RESPONSES
    stopping = translator("chat", {**HELLO, "stop": ["x"]}).translated(both)
    assert stopping is not None
    assert (stopping.operation, list(stopping.losses)) == (operations.MESSAGES, [])


def test_a_stream_of_gemini_is_asked_for_as_events() -> None:
    """Without `alt=sse` it would be one JSON array."""
    found = translator("chat", HELLO, stream=True).translated(candidate(way(adapter.GEMINI)))
    assert found is not None
    assert (found.operation, found.query) == (operations.GEMINI_STREAM, "alt=sse")


def test_a_strict_request_is_refused_with_the_place() -> None:
    """Nothing is sent that differs from what was said."""
    with pytest.raises(LossyTranslation) as caught:
        translator("chat", {**HELLO, "seed": 1}, strict=True).translated(candidate(TO_MESSAGES))
    assert caught.value.param == "/seed"


def test_what_can_be_said_on_no_way_is_refused() -> None:
    """With the reason of the preferred way."""
    orphan = {"model": "m", "messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}
    with pytest.raises(InvalidBody):
        translator("chat", orphan).translated(candidate(TO_RESPONSES, TO_MESSAGES))


def test_two_keys_of_a_model_get_the_same_bytes_and_their_own_way_back() -> None:
    """The request is written once; an answer's losses are those of its own attempt."""
    written = translator("chat", {**HELLO, "seed": 1})
    first, second = (written.translated(candidate(TO_MESSAGES)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.body.original() is second.body.original()
    assert first.lane is not second.lane
    assert first.losses is not second.losses


@pytest.mark.parametrize(
    ("body", "kept", "lost"),
    [
        ({**HELLO, "temperature": 0.5, "seed": 1}, {**HELLO, "seed": 1}, ["/temperature"]),
        ({**HELLO, "seed": 1}, None, []),
        ({**HELLO, "temperature": 1}, None, []),
    ],
)
def test_refused_parameters_are_taken_out(body: Any, kept: Any, lost: list[str]) -> None:
    """Of a request that passes otherwise; a value that is the default anyway stays."""
    found = translator("chat", body).translated(candidate(refused=frozenset({"temperature"})))
    assert (found is None) is (kept is None)
    if found is not None:
        assert json.loads(found.body.original()) == kept
        assert [loss.pointer for loss in found.losses] == lost
        assert found.lane is None


def test_what_another_provider_sealed_does_not_pass() -> None:
    """The same format, but thinking of another maker: it is taken out and reported; one's own is unsealed."""
    own = seal(Thinking(signature="b3du", maker="maker"))
    blocks = [{"type": "thinking", "thinking": "hm", "signature": each} for each in (SEALED, own)]
    turns = [HELLO["messages"][0], {"role": "assistant", "content": [*blocks, {"type": "text", "text": "hi"}]}]
    body = {"model": "m", "max_tokens": 9, "messages": [*turns, {"role": "user", "content": "on"}]}
    found = translator("messages", body).translated(candidate())
    assert found is not None
    assert found.lane is None
    thinking, text = json.loads(found.body.original())["messages"][1]["content"]
    assert thinking == {"type": "thinking", "thinking": "hm", "signature": "b3du"}
    assert text["text"] == "hi"
    assert [loss.pointer for loss in found.losses] == ["/messages/1/content/0"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"reasoning_effort":"low"}', "low"),
        (b'{"reasoning":{"effort":"none"}}', "none"),
        (b'{"reasoning":{"effort":5}}', None),
        (b"{}", None),
        (b"\xff", None),
    ],
)
def test_the_effort_of_a_request(body: bytes, expected: str | None) -> None:
    """Some parameters are refused only while the model thinks."""
    assert effort(body) == expected


def test_a_candidate_is_plain_only_without_anything_to_do() -> None:
    """The hot path looks at this alone."""
    assert candidate().plain
    assert not candidate(TO_MESSAGES).plain
    assert not candidate(refused=frozenset({"n"})).plain
    assert attrs.evolve(candidate(refused=frozenset({"n"})), facts=None).plain

"""Limits of tokens are held down and members that are not taken leave a body; nothing else about it changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.wire.bounds import COMPLETIONS, LIMITS, cap, restrict

CHAT, RESPONSES, MESSAGES, GEMINI = (LIMITS[each] for each in ("chat", "responses", "messages", "gemini"))
CONFIG = "/generationConfig/maxOutputTokens"


@pytest.mark.parametrize(
    ("body", "capped", "pointers"),
    [
        pytest.param(b'{"max_tokens":100}', None, [], id="no-more"),
        pytest.param(b'{"max_tokens":0}', None, [], id="nothing"),
        pytest.param(b'{ "max_tokens" : 101 ,"a":1}', b'{ "max_tokens" : 100 ,"a":1}', ["/max_tokens"], id="more"),
        pytest.param(b'{"a":1}', b'{"a":1,"max_tokens":100}', ["/max_tokens"], id="unsaid"),
        pytest.param(b"{}", b'{"max_tokens":100}', ["/max_tokens"], id="empty"),
        pytest.param(b'{"max_tokens":null,"a":1}', b'{"max_tokens":100,"a":1}', ["/max_tokens"], id="null"),
        pytest.param(b'{"max_tokens":-1}', b'{"max_tokens":100}', ["/max_tokens"], id="below-zero-is-no-limit"),
        pytest.param(b'{"max_tokens":"9999"}', b'{"max_tokens":100}', ["/max_tokens"], id="text"),
        pytest.param(b'{"max_tokens":true}', b'{"max_tokens":100}', ["/max_tokens"], id="boolean"),
        pytest.param(b'{"max_tokens":1e9}', b'{"max_tokens":100}', ["/max_tokens"], id="float"),
        pytest.param(b'{"max_tokens":1e999}', b'{"max_tokens":100}', ["/max_tokens"], id="beyond-all-bounds"),
        pytest.param(
            b'{"max_tokens":7,"max_completion_tokens":500}',
            b'{"max_tokens":7,"max_completion_tokens":100}',
            ["/max_completion_tokens"],
            id="both-names",
        ),
        pytest.param(
            b'{"max_tokens":7,"max_tokens":500}', b'{"max_tokens":7,"max_tokens":100}', ["/max_tokens"], id="twice"
        ),
        pytest.param(
            b'{"max_tokens":7,"n_predict":-1}', b'{"max_tokens":7,"n_predict":100}', ["/n_predict"], id="another-name"
        ),
        pytest.param(
            b'{"Max_Tokens":500}',
            b'{"Max_Tokens":100,"max_tokens":100}',
            ["/Max_Tokens", "/max_tokens"],
            id="another-spelling",
        ),
        pytest.param(b'{"x":{"max_tokens":500},"max_tokens":1}', None, [], id="elsewhere"),
    ],
)
def test_cap(body: bytes, capped: bytes | None, pointers: list[str]) -> None:
    """Whatever says a limit says at most the cap, and each change is a loss."""
    found, losses = cap(body, CHAT, 100)
    assert found == (body if capped is None else capped)
    assert [loss.pointer for loss in losses] == pointers
    assert {loss.action for loss in losses} <= {"approximated"}


@pytest.mark.parametrize(
    ("body", "capped", "pointers"),
    [
        (b'{"contents":[]}', b'{"contents":[],"generationConfig":{"maxOutputTokens":100}}', [CONFIG]),
        (b'{"generationConfig":{}}', b'{"generationConfig":{"maxOutputTokens":100}}', [CONFIG]),
        (b'{"generationConfig":null}', b'{"generationConfig":{"maxOutputTokens":100}}', [CONFIG]),
        (b'{"generationConfig":{"topK":1}}', b'{"generationConfig":{"topK":1,"maxOutputTokens":100}}', [CONFIG]),
        (b'{"generationConfig":{"maxOutputTokens":9}}', None, []),
        (
            b'{"generation_config":{"max_output_tokens":900}}',
            b'{"generation_config":{"max_output_tokens":100}}',
            ["/generation_config/max_output_tokens"],
        ),
        (
            b'{"generationConfig":{"maxOutputTokens":9},"generationConfig":{}}',
            b'{"generationConfig":{"maxOutputTokens":9},"generationConfig":{"maxOutputTokens":100}}',
            [CONFIG],
        ),
        (b'{"generationConfig":"no object"}', None, []),
    ],
)
def test_cap_within(body: bytes, capped: bytes | None, pointers: list[str]) -> None:
    """Gemini's limit stands in an object, under two spellings; the last of several objects counts."""
    found, losses = cap(body, GEMINI, 100)
    assert found == (body if capped is None else capped)
    assert [loss.pointer for loss in losses] == pointers


@pytest.mark.parametrize(
    ("body", "most", "thinking", "pointers"),
    [
        ({"type": "enabled", "budget_tokens": 8000}, 4000, {"type": "enabled", "budget_tokens": 3999}, 2),
        ({"type": "enabled", "budget_tokens": 4000}, 4000, {"type": "enabled", "budget_tokens": 3999}, 2),
        ({"type": "enabled", "budget_tokens": 2000}, 4000, {"type": "enabled", "budget_tokens": 2000}, 1),
        ({"type": "enabled", "budget_tokens": 8000}, 1000, {"type": "disabled"}, 2),
        ({"type": "adaptive"}, 1000, {"type": "adaptive"}, 1),
    ],
)
def test_a_budget_of_thinking(body: Any, most: int, thinking: Any, pointers: int) -> None:
    """Anthropic's API wants the budget below the limit: it comes down with it, and is off where there is no room."""
    found, losses = cap(json.dumps({"max_tokens": 9000, "thinking": body}).encode(), MESSAGES, most)
    assert json.loads(found) == {"max_tokens": most, "thinking": thinking}
    assert len(losses) == pointers


def test_a_budget_that_fits_is_not_touched() -> None:
    """A request within its cap passes as it is, also where its budget is above its limit (interleaved thinking)."""
    body = b'{"max_tokens":50,"thinking":{"type":"enabled","budget_tokens":2000}}'
    assert cap(body, MESSAGES, 100) == (body, [])


def test_the_usual_member() -> None:
    """A request without a limit gets the one that its surface and its model know."""
    assert cap(b"{}", CHAT, 5, usual="max_completion_tokens")[0] == b'{"max_completion_tokens":5}'
    assert cap(b"{}", RESPONSES, 5)[0] == b'{"max_output_tokens":5}'
    assert cap(b"{}", COMPLETIONS, 5)[0] == b'{"max_tokens":5}'


@pytest.mark.parametrize(("writes", "added"), [(None, True), (99, False), (100, False), (101, True)])
@pytest.mark.parametrize("limit", [CHAT, GEMINI])
def test_models_that_write_no_more(limit: Any, writes: int | None, added: bool) -> None:
    """A model that cannot write more than the cap needs no limit."""
    found, losses = cap(b"{}", limit, 100, writes=writes)
    assert ((found != b"{}"), bool(losses)) == (added, added)


@given(st.dictionaries(st.text(max_size=20), st.none() | st.integers() | st.text(max_size=9), max_size=8))
def test_what_is_capped_is_capped(body: dict[str, Any]) -> None:
    """A capped body stays as it is, says a limit, and has the other members that it had."""
    once, _ = cap(json.dumps(body).encode(), CHAT, 100)
    assert cap(once, CHAT, 100) == (once, [])
    said = json.loads(once)
    assert 0 <= said["max_tokens"] <= 100
    assert {name: value for name, value in said.items() if name != "max_tokens"} == {
        name: value for name, value in body.items() if name != "max_tokens"
    }


@pytest.mark.parametrize(
    ("body", "restricted", "pointers"),
    [
        pytest.param(b'{"model":"m","messages":[],"stream":true}', None, [], id="substance"),
        pytest.param(b'{"input":[],"instructions":"x"}', None, [], id="responses"),
        pytest.param(b'{"contents":[],"systemInstruction":{},"system_instruction":{}}', None, [], id="gemini"),
        pytest.param(b'{"model":"m", "top_k":4, "seed":1}', b'{"model":"m", "seed":1}', ["/top_k"], id="not-taken"),
        pytest.param(b'{"top_k":4,"tools":[],"stop":null}', b"{}", ["/top_k", "/tools"], id="null-is-no-loss"),
        pytest.param(b'{"temperature":1}', b"{}", [], id="a-default-is-no-loss"),
        pytest.param(b'{"a/b":2}', b"{}", ["/a~1b"], id="pointer"),
        pytest.param(
            b'{"generationConfig":{"seed":1, "topK":4},"safetySettings":[]}',
            b'{"generationConfig":{"seed":1}}',
            ["/generationConfig/topK", "/safetySettings"],
            id="within",
        ),
        pytest.param(b'{"generationConfig":{"topK":4}}', b"{}", ["/generationConfig"], id="none-within"),
        pytest.param(b'{"generationConfig":3}', b"{}", ["/generationConfig"], id="no-object"),
    ],
)
def test_restrict(body: bytes, restricted: bytes | None, pointers: list[str]) -> None:
    """What a surface does not take is left out and reported; what is said to the model itself always stays."""
    found, losses = restrict(body, {"seed"})
    assert found == (body if restricted is None else restricted)
    assert [loss.pointer for loss in losses] == pointers
    assert {loss.action for loss in losses} <= {"dropped"}


@pytest.mark.parametrize("name", ["generationConfig", "generation_config", "generationConfig.topK", "top_k", "topK"])
def test_names_of_gemini(name: str) -> None:
    """An object may be taken as a whole or by its members, in either spelling."""
    body = b'{"generationConfig":{"topK":4}}'
    assert restrict(body, {name}) == (body, [])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"'])
def test_no_object(body: bytes) -> None:
    """What is no JSON object is refused, not passed."""
    with pytest.raises(InvalidBody):
        cap(body, CHAT, 100)
    with pytest.raises(InvalidBody):
        restrict(body, {"x"})

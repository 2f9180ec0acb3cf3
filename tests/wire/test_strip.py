"""Members that a model refuses leave a body; nothing else about it changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.wire.losses import Loss
from aigw.wire.strip import strip

REFUSED = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "n",
        "presence_penalty",
        "stop",
        "temperature",
        "top_logprobs",
        "top_p",
    }
)
ADAPTIVE = frozenset({"temperature", "thinking.budget_tokens", "top_k", "top_p"})


@pytest.mark.parametrize(
    ("body", "stripped", "pointers"),
    [
        pytest.param(b'{"temperature":0.2,"model":"m"}', b'{"model":"m"}', ["/temperature"], id="first"),
        pytest.param(b'{"model":"m","top_p":0.5}', b'{"model":"m"}', ["/top_p"], id="last"),
        pytest.param(b'{"a":1,"top_p":0.5,"b":2}', b'{"a":1,"b":2}', ["/top_p"], id="between"),
        pytest.param(
            b'{"a":1,"top_p":0.5,"temperature":2}', b'{"a":1}', ["/top_p", "/temperature"], id="two-at-the-end"
        ),
        pytest.param(b'{"stop":["x"],"top_p":0}', b"{}", ["/stop", "/top_p"], id="all"),
        pytest.param(
            b'{ "model" : "m" ,\n  "stop" : ["\\"top_p\\"", {}] ,\n  "x" : 1.0 }\n',
            b'{ "model" : "m" ,\n  "x" : 1.0 }\n',
            ["/stop"],
            id="spaces-stay",
        ),
        pytest.param(b'{"top_p":0,"a":1,"top_p":0.5}', b'{"a":1}', ["/top_p"], id="twice"),
        pytest.param(b'{"logit_bias":{"50256":-100}}', b"{}", ["/logit_bias"], id="an-object"),
        pytest.param(b'{"n":2,"messages":[]}', b'{"messages":[]}', ["/n"], id="n-above-one"),
        pytest.param(b'{"logprobs":true,"top_logprobs":3}', b"{}", ["/logprobs", "/top_logprobs"], id="logprobs"),
    ],
)
def test_refused_members(body: bytes, stripped: bytes, pointers: list[str]) -> None:
    """What the model refuses is taken out with its comma, and every one of them is a loss."""
    said, losses = strip(body, REFUSED)
    assert said == stripped
    assert [loss.pointer for loss in losses] == pointers
    assert {loss.action for loss in losses} == {"dropped"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"temperature":1,"top_p":1.0,"n":1}', id="defaults"),
        pytest.param(b'{"frequency_penalty":0,"presence_penalty":0.0,"logprobs":false,"top_logprobs":0}', id="zeros"),
        pytest.param(b'{"temperature":null,"stop":null,"logit_bias":{}}', id="nothing"),
        pytest.param(b'{"messages":[{"temperature":0.5}]}', id="not-at-the-top"),
        pytest.param(b'{"messages":"set \\"temperature\\" to 0"}', id="in-a-text"),
        pytest.param(b'{"model":"m"}', id="no-such-member"),
    ],
)
def test_what_is_accepted_stays(body: bytes) -> None:
    """A member at its default is no wish and stays, as does everything that only looks like a refused member."""
    assert strip(body, REFUSED) == (body, [])


@pytest.mark.parametrize(
    ("body", "stripped", "pointers"),
    [
        pytest.param(
            b'{"thinking":{"type":"enabled","budget_tokens":1024},"model":"m"}',
            b'{"thinking":{"type":"adaptive"},"model":"m"}',
            ["/thinking/budget_tokens", "/thinking/type"],
            id="a-budget",
        ),
        pytest.param(
            b'{"thinking": {"budget_tokens": 1024, "type": "enabled", "display": "omitted"}}',
            b'{"thinking": {"type": "adaptive", "display": "omitted"}}',
            ["/thinking/budget_tokens", "/thinking/type"],
            id="a-budget-first",
        ),
        pytest.param(b'{"thinking":{"type":"disabled"},"budget_tokens":1}', None, [], id="the-name-elsewhere"),
        pytest.param(b'{"thinking":"budget_tokens"}', None, [], id="no-object"),
        pytest.param(b'{"thinking":["budget_tokens"],"a":"budget_tokens"}', None, [], id="an-array"),
    ],
)
def test_members_of_objects(body: bytes, stripped: bytes | None, pointers: list[str]) -> None:
    """A dot leads into an object; thinking without its budget becomes adaptive, and the ledger says so."""
    said, losses = strip(body, ADAPTIVE)
    assert said == (body if stripped is None else stripped)
    assert [loss.pointer for loss in losses] == pointers


def test_the_whole_object_is_refused() -> None:
    """Where an object is refused altogether, its members are not looked at."""
    said, losses = strip(b'{"thinking":{"budget_tokens":1},"a":1}', {"thinking", "thinking.budget_tokens"})
    assert said == b'{"a":1}'
    assert losses == [Loss("/thinking", "dropped", "the model does not accept thinking")]


@pytest.mark.parametrize("body", [b'["temperature"]', b'{"temperature":', b'"temperature"'])
def test_no_object(body: bytes) -> None:
    """What is no JSON object is refused, not guessed at."""
    with pytest.raises(InvalidBody):
        strip(body, REFUSED)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["model", "messages", "temperature", "stop", "logit_bias", "x", 'a"b', "ü"])


@given(st.dictionaries(names, values, max_size=8), st.sampled_from([None, 2]))
def test_the_others_keep_their_values(body: dict[str, Any], indent: int | None) -> None:
    """Whatever a body holds: what is left are its members in their order, less those reported."""
    said, losses = strip(json.dumps(body, indent=indent).encode(), REFUSED)
    left = json.loads(said)
    assert list(left) == [name for name in body if f"/{name}" not in {loss.pointer for loss in losses}]
    assert all(left[name] == body[name] for name in left)
    assert {loss.pointer for loss in losses} <= {"/temperature", "/stop", "/logit_bias"}

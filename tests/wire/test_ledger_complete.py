"""Nothing is lost in silence: what a request says is in its translation or in the ledger, for every documented member.

The judge is `tests/support/differ.py`, which knows nothing of how translation works; the requests come out of the
formats' own descriptions (`tests/support/request_corpus.py`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire import formats, losses
from aigw.wire.dialect import Dialect
from aigw.wire.lane import Asking

from ..support import differ, specs
from ..support.excuses import EXCUSED, excuse
from ..support.request_corpus import HELLO, Variation, variations

FORMATS = formats.load()
PAIRS = [(caller, target) for caller in FORMATS for target in FORMATS]

# A provider that takes everything, and one that takes as little as providers do.
DIALECTS: Mapping[str, Dialect] = {
    "rich": Dialect(maker="somebody", developer=True, custom_tools=True),
    "poor": Dialect(
        maker="somebody",
        limit_member="max_completion_tokens",
        refused=frozenset({"temperature", "top_p", "topP", "n", "candidateCount", "seed", "logprobs"}),
        efforts=("low", "high"),
        max_output=1024,
        stream_usage=False,
        json_schema=False,
        json_object=False,
        image_urls=False,
        documents=False,
        audio=False,
        strict_tools=False,
        schema="gemini",
        prefill=False,
        adaptive=True,
    ),
}


@pytest.fixture(autouse=True)
def unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger keeps every entry."""
    monkeypatch.setattr(losses, "MOST", 1_000_000)


@functools.cache
def translated(caller: str, target: str, dialect: str, body: bytes) -> tuple[Any, tuple[str, ...]] | str:
    """The body for a provider and the pointers of the ledger; the refusal where there is no body."""
    try:
        asking = Asking(FORMATS[caller], body, "m", stream=b'"stream": true' in body)
        written, lane = asking.ask(FORMATS[target], DIALECTS[dialect])
    except InvalidBody as refusal:
        return f"refused: {refusal.message} ({refusal.param})"
    return json.loads(written), tuple(loss.pointer for loss in lane.ledger.entries)


def faults(caller: str, target: str, dialect: str, variation: Variation) -> Iterator[str]:
    """What was lost in silence of one variation."""
    got = translated(caller, target, dialect, json.dumps(variation.body).encode())
    if isinstance(got, str):
        yield got
        return
    output, ledger = got
    if caller != target:
        yield from (f"invalid {fault} [{dialect}]" for fault in specs.request_checker(target).faults(output))
    yield from (f"lost {leaf}" for leaf in differ.lost(variation.body, output, ledger))
    if differ.says_nothing(variation.value, variation.pointer):
        return
    before = translated(caller, target, dialect, json.dumps(variation.without).encode())
    if not isinstance(before, str) and differ.ignored(variation.pointer, output, before[0], (*ledger, *before[1])):
        yield f"ignored {variation.pointer} = {variation.value!r}"


@functools.cache
def found(caller: str, target: str, dialect: str) -> tuple[tuple[str, str], ...]:
    """Labels and faults of all variations of a pair."""
    return tuple(
        (variation.label, fault)
        for variation in variations(caller)
        for fault in faults(caller, target, dialect, variation)
    )


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("caller", "target"), PAIRS)
def test_every_documented_member_is_carried_or_told(caller: str, target: str, dialect: str) -> None:
    """Each member, kind and word of a format is in every other format's request, or in the ledger by its pointer."""
    wrong = [
        f"{label}: {fault}" for label, fault in found(caller, target, dialect) if excuse(caller, target, fault) is None
    ]
    assert wrong == []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("caller", "target"), PAIRS)
def test_a_conversation_with_all_of_it(caller: str, target: str, dialect: str) -> None:
    """A long conversation with media, tools, thoughts and every common setting arrives whole, or the ledger tells."""
    body = (Path(__file__).parent / "requests" / f"{caller}.json").read_bytes()
    got = translated(caller, target, dialect, body)
    assert not isinstance(got, str), got
    output, ledger = got
    wrong = [f"lost {leaf}" for leaf in differ.lost(json.loads(body), output, ledger)]
    if caller != target:
        wrong += [f"invalid {fault} [{dialect}]" for fault in specs.request_checker(target).faults(output)]
    assert [fault for fault in wrong if excuse(caller, target, fault) is None] == []


@pytest.mark.parametrize(
    ("request_body", "output", "ledger", "lost"),
    [
        ({"a": "some words"}, {"b": ["some words"]}, [], []),
        ({"a": "some words"}, {"b": "before: some words."}, [], []),
        ({"a": "low"}, {"b": "allow"}, [], ["/a = 'low'"]),
        ({"a": "low"}, {"b": "LOW"}, [], []),
        ({"a": {"b": [1]}}, {"c": '{"d": 1.0}'}, [], []),
        ({"a": '{"b": 17, "c": "deep inside"}'}, {"e": {"f": 17, "g": "deep inside"}}, [], []),
        ({"a": '{"b": 17}'}, {"e": {"f": 18}}, [], ["/a = '{\"b\": 17}'"]),
        (
            {"a": "a text that was made into a document"},
            {"b": "YSB0ZXh0IHRoYXQgd2FzIG1hZGUgaW50byBhIGRvY3VtZW50"},
            [],
            [],
        ),
        ({"a": 2, "b": True}, {"b": False}, [], ["/a = 2", "/b = True"]),
        ({"a": 2, "b": {"c": 3}}, {}, ["/a", "/b"], []),
        ({"a": "gone away"}, {}, ["/a/0"], []),
        ({"ab": 2}, {}, ["/a"], ["/ab = 2"]),
        ({"messages": [{"content": "gone away"}]}, {}, ["/messages", ""], ["/messages/0/content = 'gone away'"]),
        ({"messages": [{"content": "gone away"}]}, {}, ["/messages/0"], []),
        ({"type": "text", "role": "user", "model": "m", "a": None}, {}, [], []),
        ({"type": "web_search_20250305"}, {}, [], ["/type = 'web_search_20250305'"]),
        ({"a/b": {"c~d": 5}}, {}, [], ["/a~1b/c~0d = 5"]),
    ],
)
def test_the_judge_sees(request_body: Any, output: Any, ledger: list[str], lost: list[str]) -> None:
    """The differ finds what is in neither output nor ledger, and takes no accident for a find."""
    assert differ.lost(request_body, output, ledger) == lost


@pytest.mark.parametrize("format", sorted(HELLO))
def test_the_corpus_walks_every_member(format: str) -> None:
    """Every member at the top of a format's description, and some hundred below, has its variation."""
    walked = {variation.label.split("/")[1].partition("=")[0] for variation in variations(format)}
    schema = specs.request_schema(format)
    assert set(schema["properties"]) - {"model", "stream"} - set(schema.get("required", ())) <= walked
    assert len(variations(format)) > 200


def test_every_excuse_is_needed() -> None:
    """An excuse whose fault is gone goes, too."""
    used = {
        excuse(caller, target, fault)
        for caller, target in PAIRS
        for dialect in DIALECTS
        for _, fault in found(caller, target, dialect)
    }
    assert set(EXCUSED) - used == set()

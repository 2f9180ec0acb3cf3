"""Recorded requests of real callers, written for providers of every format: valid by the API's description, and whole.

The descriptions are those of `corpus/specs`: what the SDKs' types say, and Google's discovery document.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire import formats, losses
from aigw.wire.dialect import Dialect
from aigw.wire.lane import Asking

from ..support import differ, recorded, specs
from ..support.excuses import excuse
from ..support.recorded import Recorded
from ..support.specs import Checker

FORMATS = formats.load()
TARGETS = ("chat", "responses", "messages", "gemini")
_FILES = {
    "chat": "sdk.openai.ChatCompletionRequest.schema.json",
    "responses": "sdk.openai.ResponseRequest.schema.json",
    "messages": "sdk.anthropic.MessageRequest.schema.json",
}
_DISCOVERY = "google.aiplatform.v1beta1.discovery.subset.json"
_DISCOVERED = "GoogleCloudAiplatformV1beta1GenerateContentRequest"

# Case → the formats it cannot be written in (all where none is named), and why. Each entry has to fail.
CANNOT: Mapping[str, tuple[tuple[str, ...], str]] = {
    "bad-request-ea04f": ((), "its message says nothing; its provider refused it, too"),
    "no-messages-49a3f": ((), "it has no messages; its provider refused it, too"),
}


@pytest.fixture(scope="module")
def cases(corpus: Path) -> list[Recorded]:
    """All recorded exchanges of the four conversation formats."""
    return recorded.load(corpus)


@pytest.fixture(scope="module")
def checkers(corpus: Path) -> Mapping[str, Checker]:
    """The descriptions of the four formats' requests."""
    made = {
        format: Checker(specs.as_documented(format, json.loads((corpus / "specs" / file).read_text())))
        for format, file in _FILES.items()
    }
    discovery = json.loads((corpus / "specs" / _DISCOVERY).read_text())
    described = specs.of_discovery(discovery, _DISCOVERED)
    # What the developer API has beyond Vertex's: https://ai.google.dev/api/generate-content
    described["$defs"][_DISCOVERED]["properties"] |= {"store": {"type": "boolean"}, "serviceTier": {"type": "string"}}
    return {**made, "gemini": Checker(described)}


@pytest.fixture(autouse=True)
def unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger keeps every entry."""
    monkeypatch.setattr(losses, "MOST", 1_000_000)


@functools.cache
def written(case: Recorded, target: str) -> tuple[Any, tuple[str, ...]]:
    """The request for a provider of a format, and the pointers of the ledger. Raises InvalidBody."""
    stream = bool(json.loads(case.request).get("stream"))
    asking = Asking(FORMATS[case.format], case.request, "m", stream=stream)
    body, lane = asking.ask(FORMATS[target], Dialect(maker=case.provider, developer=True, custom_tools=True))
    return json.loads(body), tuple(loss.pointer for loss in lane.ledger.entries)


def tried(case: Recorded, target: str, checker: Checker) -> list[str]:
    """What is wrong with a request of a case in a format."""
    try:
        body, ledger = written(case, target)
    except InvalidBody as refusal:
        found = [f"refused: {refusal.message} ({refusal.param})"]
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    else:
        found = silent(case, target, body, ledger, checker)
    return [fault for fault in found if excuse(case.format, target, fault) is None]


def silent(case: Recorded, target: str, body: Any, ledger: tuple[str, ...], checker: Checker) -> list[str]:
    """What is lost in silence, or written against the description."""
    asked = json.loads(case.request)
    found = [f"lost {leaf}" for leaf in differ.lost(asked, body, ledger)]
    # What a caller sends its own format's provider is the caller's affair, as long as it was before.
    if target != case.format or not checker.faults(asked):
        found += [f"invalid {fault}" for fault in checker.faults(body)]
    return found


def excused(case: Recorded, target: str) -> bool:
    """Whether the table says that a request cannot be written in a format."""
    if case.name not in CANNOT:
        return False
    targets, _ = CANNOT[case.name]
    return not targets or target in targets


@pytest.mark.parametrize("target", TARGETS)
def test_requests_are_valid_and_whole(target: str, cases: list[Recorded], checkers: Mapping[str, Checker]) -> None:
    """Every recorded request, written in any format, is as that format's API documents it, and lacks nothing."""
    wrong, counted = {}, Counter[str]()
    for case in cases:
        if excused(case, target):
            continue
        faults = tried(case, target, checkers[target])
        counted[case.format] += not faults
        if faults:
            wrong[f"{case.format} {case.provider} {case.name}"] = faults
    print("".join(f"\n{format} → {target}: {number}" for format, number in sorted(counted.items())))
    assert wrong == {}
    assert min(counted[format] for format in TARGETS) >= LEAST


# Fewer requests than this of one format mean that the recorded traffic was not found, not that it is right.
LEAST = 40


@pytest.mark.parametrize("name", sorted(CANNOT))
def test_what_cannot_be_written_is_not(name: str, cases: list[Recorded], checkers: Mapping[str, Checker]) -> None:
    """An entry of the table whose reason is gone goes, too."""
    case = next(case for case in cases if case.name == name)
    targets = CANNOT[name][0] or TARGETS
    assert [target for target in targets if not tried(case, target, checkers[target])] == []

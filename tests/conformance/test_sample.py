"""A sample of the matrix of faults: each fault once for each format of callers, passing through and translated."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from attrs import evolve

from aigw.conformance.callers import FORMATS
from aigw.conformance.faults import CONTROL, FAULTS
from aigw.conformance.judge import Kind
from aigw.conformance.play import cases
from aigw.conformance.report import finding

from .conftest import CURRENT

# Each format is once the callers' and once the upstream's; scripts/faults plays all pairs.
TRANSLATED = [("chat", "messages"), ("responses", "chat"), ("messages", "gemini"), ("gemini", "responses")]
# What no caller need notice, in any format: these are to go well, lest a gateway that always fails pass for honest.
HARMLESS = (CONTROL, "1xx", "unframed", "gzip", "unknown-events", "crlf", "bytes")


@pytest.mark.slow
@pytest.mark.parametrize(("caller", "upstream"), [*((each, each) for each in FORMATS), *TRANSLATED])
def test_nobody_is_lied_to(caller: str, upstream: str, faulting: ModuleType, matrix: Callable[..., list[Any]]) -> None:
    """Whatever goes wrong, an app gets the upstream's own answer or an exception; what is only odd, it gets."""
    found = [evolve(case, who=CURRENT) for case in cases([(caller, faulting.model(upstream))], FAULTS)]
    played = matrix([faulting.apart(each) if each.fault.waits else each for each in found])
    assert [finding(each) for each in played if not each.verdict.kind.good or not each.paths] == []
    assert [finding(each) for each in faulting.unmended(played)] == []
    harmless = [each for each in played if each.case.fault.name in HARMLESS]
    assert [finding(each) for each in harmless if each.verdict.kind is not Kind.TRUE] == []

"""The kit finds the bugs that gateways have: each is put into a copy of our own, which then lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from attrs import evolve

from aigw.conformance.faults import BY_NAME
from aigw.conformance.judge import Kind
from aigw.conformance.play import Case, cases

from .conftest import CURRENT
from .mutants import MUTANTS, Mutant


def planted(mutant: Mutant, folder: Path) -> None:
    """Change the copy of the code. A change that does not fit any more is an error: the bug would not be looked for."""
    for edit in mutant.edits:
        path = folder / edit.file
        text = path.read_text(encoding="utf-8")
        assert text.count(edit.old) == 1, f"{edit.file}: {edit.old!r} stands there {text.count(edit.old)} times"
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def looked_for(mutant: Mutant, faulting: ModuleType) -> list[Case]:
    """The cases in which it must show."""
    models = [(caller, faulting.model(upstream)) for caller, upstream in mutant.pairs]
    found = cases(models, [BY_NAME[name] for name in mutant.faults], mutant.modes)
    return [evolve(case, who=CURRENT) for case in found]


def test_there_are_enough_of_them() -> None:
    """A kit that finds fifteen bugs of different kinds finds the sixteenth."""
    assert len({mutant.name for mutant in MUTANTS}) >= 15


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_is_found(mutant: Mutant, faulting: ModuleType, matrix: Callable[..., list[Any]]) -> None:
    """A gateway with this bug lies to its callers, or leaves them waiting, and the kit says so."""
    played = matrix(looked_for(mutant, faulting), change=lambda folder: planted(mutant, folder))
    told = [(each.case.format, each.case.fault.name, each.verdict) for each in played]
    if mutant.mends:
        assert faulting.unmended(played), told
    else:
        assert any(each.verdict.kind in (Kind.LIE, Kind.HUNG) for each in played), told

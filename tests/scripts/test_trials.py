"""What the trials share: numbers of a scrape, and which code is on trial."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from ..support.measuring import SCRIPTS

_SCRAPE = """\
# HELP aigw_attempts_total Tries.
# TYPE aigw_attempts_total counter
aigw_attempts_total{provider="one",reason="a \\"word\\""} 3
aigw_attempts_total{provider="two",reason=""} 4
aigw_requests_in_flight 1.5e1
"""


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules that the trials share."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return SimpleNamespace(
        **{name: importlib.import_module(f"trials.{name}") for name in ("code", "numbers", "process")}
    )


@pytest.mark.parametrize(
    ("name", "labels", "total"),
    [
        ("aigw_attempts_total", {}, 7.0),
        ("aigw_attempts_total", {"provider": "one"}, 3.0),
        ("aigw_attempts_total", {"provider": "one", "reason": ""}, 0.0),
        ("aigw_requests_in_flight", {}, 15.0),
        ("aigw_other", {}, 0.0),
    ],
)
def test_totals_of_a_scrape(trials: SimpleNamespace, name: str, labels: dict[str, str], total: float) -> None:
    """A total is the sum over every sample with the labels asked for."""
    numbers = trials.numbers.read(_SCRAPE)
    assert numbers.total(name, **labels) == total
    assert numbers.has(name) is (name != "aigw_other")


def test_the_code_on_trial_is_a_copy(trials: SimpleNamespace, tmp_path: Path) -> None:
    """What is edited meanwhile does not change what is under way."""
    code = trials.code.copied(tmp_path)
    assert (code.folder / "aigw" / "__init__.py").is_file()
    assert not code.folder.joinpath("aigw", "providers").is_symlink()
    assert "nothing compiled" in code.words


def test_no_code_no_trial(trials: SimpleNamespace, tmp_path: Path) -> None:
    """A folder without the package is refused."""
    with pytest.raises(trials.process.TrialError, match="holds no package"):
        trials.code.copied(tmp_path / "into", given=tmp_path)

"""What several tests of the scripts share."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest

from ..support.measuring import SCRIPTS


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of scripts/bench."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    names = (
        "asks",
        "callers",
        "cli",
        "code",
        "evenness",
        "figures",
        "load",
        "processes",
        "report",
        "stage",
        "translation",
        "upstream",
    )
    return SimpleNamespace(**{name: importlib.import_module(f"benchmarks.{name}") for name in names})

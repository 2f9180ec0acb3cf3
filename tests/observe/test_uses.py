"""When keys were used: the last time of each, taken away in batches."""

from __future__ import annotations

import pytest

from aigw.observe import uses as noted
from aigw.observe.record import Record
from aigw.observe.uses import Uses


def record(key: str, at: float, *attempts: tuple[str, str]) -> Record:
    """A request with this access key, and the provider keys of its attempts with their sources."""
    made = Record("req_1", "chat-completions", 0.0, at)
    made.account_id = "acct_1"
    made.access_key_id = key
    for id, source in attempts:
        attempt = made.attempt("openai", "m", "", 0.0)
        attempt.key_id, attempt.key_source = id, source
    return made


def test_the_last_time_of_each() -> None:
    """The access key and every provider key that was tried; the operator's are noted in the operator's account."""
    uses = Uses()
    uses.observe(record("aigk_1", 10.0, ("aigpk_1", "user"), ("aigpk_2", "managed"), ("", "")))
    uses.observe(record("aigk_1", 11.0, ("aigpk_1", "user")))
    uses.observe(record("", 12.0))
    assert sorted(uses.take()) == [
        ("acct_1", "aigk_1", 11.0),
        ("acct_1", "aigpk_1", 11.0),
        ("acct_operator", "aigpk_2", 10.0),
    ]
    assert uses.take() == []


def test_it_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody takes it away it stays within a bound."""
    monkeypatch.setattr(noted, "MOST", 5)
    uses = Uses()
    for number in range(100):
        uses.observe(record(f"aigk_{number}", 1.0))
    assert len(uses.take()) == 6

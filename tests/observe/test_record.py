"""The record of one request."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.observe import record as module
from aigw.observe.record import FAILED, OUTCOMES, Attempt, Record


def made(started: float = 10.0) -> Record:
    """A record that has just begun."""
    return Record("req_1", "messages", started, 1_700_000_000.0)


def test_finish_is_once() -> None:
    """Whoever finishes first shows the record to the sinks; later calls change nothing."""
    record = made()
    assert record.finish(11.5) is True
    assert record.finish(99.0) is False
    assert record.ended == 11.5


def test_unsettled_is_failed() -> None:
    """A request nobody settled counts as the gateway's fault."""
    assert made().outcome == FAILED


def test_outcomes_are_the_constants() -> None:
    """Every outcome has its constant, and no constant is missing from the list."""
    constants = {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}
    assert constants == set(OUTCOMES)


def test_durations_wait_for_the_end() -> None:
    """Durations are unknown while a request runs, milliseconds afterwards."""
    record = made()
    attempt = record.attempt("cloud", "big-1", "", 10.25)
    assert (record.duration_ms, record.first_byte_ms, attempt.duration_ms) == (None, None, None)
    record.first_byte = attempt.ended = 10.5
    record.finish(11.0)
    assert (record.duration_ms, record.first_byte_ms, attempt.duration_ms) == (1000.0, 500.0, 250.0)


@pytest.mark.parametrize("value", [made(), Attempt("cloud", "big-1", "", 0.0)])
def test_no_field_is_invented(value: Any) -> None:
    """A misspelt field is an error, and a record carries no dictionary."""
    with pytest.raises(AttributeError):
        value.statuss = 200
    assert not hasattr(value, "__dict__")


def attempt(started: float, first_byte_ms: float | None, ended: float | None) -> Attempt:
    """An attempt with these times."""
    made = Attempt("cloud", "big-1", "", started)
    made.first_byte_ms = first_byte_ms
    made.ended = ended
    return made


@pytest.mark.parametrize(
    ("received", "first_byte", "attempts", "expected"),
    [
        pytest.param(None, None, [], 4000.0, id="refused: all of it"),
        pytest.param(10.5, None, [], 3500.0, id="the caller's body is not the gateway's time"),
        pytest.param(None, 13.0, [attempt(10.5, 2000.0, 14.0)], 1000.0, id="passed through, still streaming"),
        pytest.param(None, 13.0, [attempt(10.5, 1000.0, 12.5)], 1000.0, id="translated after the whole answer"),
        pytest.param(None, 13.0, [attempt(10.5, None, 11.0), attempt(11.0, 1500.0, 14.0)], 1000.0, id="failed over"),
        pytest.param(None, None, [attempt(10.5, None, None)], 500.0, id="left while it was tried"),
        pytest.param(None, 13.0, [attempt(10.0, 9000.0, None)], 0.0, id="never below zero"),
    ],
)
def test_own_time(received: float | None, first_byte: float | None, attempts: list[Attempt], expected: float) -> None:
    """The gateway's own time is what is left when waiting for the caller and for upstreams is taken away."""
    record = made()
    record.received = received
    record.first_byte = first_byte
    record.attempts.extend(attempts)
    record.finish(14.0)
    assert record.gateway_ms == pytest.approx(expected)

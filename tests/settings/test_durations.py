"""Go-style durations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.settings.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("30s", 30),
        ("2m", 120),
        ("1m30s", 90),
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("1h", 3600),
        ("1h0m1s", 3601),
        ("10us", 0.00001),
        ("10µs", 0.00001),
        ("1ns", 1e-9),
        ("1.5h", 5400),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, seconds: float) -> None:
    """A duration is a row of numbers with units, summed."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "1", "1.5", "-1s", "+1s", "1 s", "1d", "1S", "1m 30s", "1s1", "\u0661s", "1e3s"]
)
def test_anything_else_is_refused(text: str) -> None:
    """What Go would not take, or takes for days, is an error."""
    with pytest.raises(ValueError, match=r"duration|unit"):
        parse_duration(text)


def test_a_bare_number_gets_a_hint() -> None:
    """Whoever forgets the unit is shown how to write it."""
    with pytest.raises(ValueError, match='needs a unit: "30s" for seconds, "30ms" for milliseconds'):
        parse_duration("30")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (90, "1m30s"),
        (0.25, "250ms"),
        (3600, "1h"),
        (5400, "1h30m"),
        (1.5, "1.5s"),
        (75.25, "1m15.25s"),
    ],
)
def test_durations_are_written_shortly(seconds: float, text: str) -> None:
    """The usual short form comes back."""
    assert format_duration(seconds) == text


@given(st.integers(0, 10**15))
def test_what_is_written_is_read_back(nanoseconds: int) -> None:
    """read(write(x)) == x to the nanosecond."""
    seconds = nanoseconds / 1e9
    assert parse_duration(format_duration(seconds)) == seconds

"""When an upstream that refused may be asked again: every header and body that is known to say it, and none other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from aigw.routing.cooling import LONGEST, cooldown

# 14 November 2023, 22:13:20 UTC.
WALL = 1_700_000_000.0

SAID: dict[str, tuple[dict[str, str], float | None]] = {
    "seconds": ({"Retry-After": "20"}, 20.0),
    "a part of a second": ({"retry-after": "0.25"}, 0.25),
    "at once": ({"retry-after": "0"}, 0.0),
    "blanks": ({"retry-after": " 7 "}, 7.0),
    "a duration where seconds belong": ({"retry-after": "1m30s"}, 90.0),
    "an HTTP date": ({"Retry-After": "Tue, 14 Nov 2023 22:14:40 GMT"}, 80.0),
    "a date without a zone": ({"Retry-After": "Tue, 14 Nov 2023 22:14:40 -0000"}, 80.0),
    "a date that is over": ({"Retry-After": "Tue, 14 Nov 2023 20:00:00 GMT"}, 0.0),
    "a time instead of a waiting time": ({"Retry-After": "1700000030"}, 30.0),
    "milliseconds": ({"retry-after-ms": "1500"}, 1.5),
    "milliseconds are the finer word": ({"retry-after": "2", "retry-after-ms": "1500"}, 1.5),
    "odd milliseconds": ({"retry-after": "2", "retry-after-ms": "soon"}, 2.0),
    "a day": ({"retry-after": "86400"}, LONGEST),
    "a billion digits": ({"retry-after": "9" * 1000}, None),
    "less than nothing": ({"retry-after": "-5"}, None),
    "a word": ({"retry-after": "later"}, None),
    "nothing": ({"retry-after": ""}, None),
    "no number": ({"retry-after": "nan"}, None),
    "digits of another script": ({"retry-after": "٣"}, None),
    "no day of the calendar": ({"retry-after": "Tue, 99 Nov 2023 22:14:40 GMT"}, None),
    "a year that no clock has": ({"retry-after": "Tue, 14 Nov 99999 22:14:40 GMT"}, None),
    "its word before its limits": (
        {"retry-after": "3", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"},
        3.0,
    ),
    "no requests left": (
        {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "120ms",
            "x-ratelimit-remaining-tokens": "1200",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        0.12,
    ),
    "nothing left of either": (
        {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        360.0,
    ),
    "something left of both": (
        {
            "x-ratelimit-remaining-requests": "9999",
            "x-ratelimit-reset-requests": "6ms",
            "x-ratelimit-remaining-tokens": "1",
            "x-ratelimit-reset-tokens": "0s",
        },
        None,
    ),
    "not said what is left": ({"x-ratelimit-reset-tokens": "7.66s"}, 7.66),
    "an odd remainder": ({"x-ratelimit-remaining-tokens": "none", "x-ratelimit-reset-tokens": "7s"}, None),
    "a duration in hours": ({"x-ratelimit-reset-requests": "1h1m1.5s"}, LONGEST),
    "an odd duration": ({"x-ratelimit-reset-requests": "1.5.2s"}, None),
    "a limit of the day": (
        {"x-ratelimit-remaining-tokens-day": "0", "x-ratelimit-reset-tokens-day": "1500.5"},
        1500.5,
    ),
    "one limit, in seconds": ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "11"}, 11.0),
    "one limit, in seconds since the epoch": ({"X-RateLimit-Reset": "1700000012"}, 12.0),
    "one limit, in milliseconds since the epoch": ({"X-RateLimit-Reset": "1700000013000"}, 13.0),
    "one limit, spelt with one more hyphen": ({"x-rate-limit-reset": "14"}, 14.0),
    "a limit as Anthropic tells it": (
        {
            "anthropic-ratelimit-requests-remaining": "3999",
            "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:21Z",
            "anthropic-ratelimit-output-tokens-remaining": "0",
            "anthropic-ratelimit-output-tokens-reset": "2023-11-14T22:14:00Z",
        },
        40.0,
    ),
    "the draft's first form": ({"RateLimit-Remaining": "0", "RateLimit-Reset": "15"}, 15.0),
    "the draft's second form": ({"RateLimit": "limit=100, remaining=0, reset=16"}, 16.0),
    "the draft's second form, some left": ({"RateLimit": "limit=100, remaining=1, reset=16"}, None),
    "the draft's third form": ({"RateLimit": '"minute";r=5;t=3, "day";r=0;t=17'}, 17.0),
    "the draft's third form, nothing said": ({"RateLimit": '"day";t=18'}, 18.0),
    "no rate limit": ({"x-reset": "5", "x-ratelimit-reset-policy": "sliding", "ratelimit": "none"}, None),
    "a name without end": ({"ratelimit-" * 3000 + "reset": "5"}, None),
    "a value without end": ({"ratelimit": "limit=1, " * 3000 + "remaining=0, reset=5"}, None),
    "no headers": ({}, None),
}


@pytest.mark.parametrize(("headers", "seconds"), SAID.values(), ids=SAID)
def test_headers(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds from each way of saying it, whatever the case of the names; None for what makes no sense."""
    found = cooldown(CIMultiDictProxy(CIMultiDict(headers)), b"", WALL)
    assert found == (None if seconds is None else pytest.approx(seconds))
    assert cooldown({name.upper(): value for name, value in headers.items()}, b"", WALL) == found


BODY = b'{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"38.5s"}]}}'


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({}, 38.5), ({"retry-after": "soon"}, 38.5), ({"x-ratelimit-reset": "3"}, 38.5), ({"retry-after": "3"}, 3.0)],
)
def test_body(headers: dict[str, str], seconds: float) -> None:
    """An error's body says it where no header does; it is of this answer, a limit's reset is not."""
    assert cooldown(headers, BODY, WALL) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": "30"}, None),
        ({"ratelimit": '"day";t=30'}, None),
        ({"x-ratelimit-reset": "30", "x-ratelimit-remaining": "0"}, 30.0),
        ({"retry-after": "30"}, 30.0),
    ],
)
def test_not_for_its_limits(headers: dict[str, str], seconds: float | None) -> None:
    """A broken upstream that tells of limits does not say to wait for them, unless they are used up."""
    assert cooldown(headers, b"", WALL, limited=False) == seconds


def test_the_first_of_two_words_counts() -> None:
    """A field that may stand once and stands twice is read as its first line."""
    assert cooldown(CIMultiDictProxy(CIMultiDict([("Retry-After", "1"), ("retry-after", "9")])), b"", WALL) == 1.0


names = st.sampled_from(sorted({name for headers, _ in SAID.values() for name in headers}))
odd = st.text(max_size=70) | st.from_regex(r"[0-9.]{0,20}[a-zµ]{0,2}[0-9.]{0,9}[smh]?", fullmatch=True)
values = odd | st.sampled_from([value for headers, _ in SAID.values() for value in headers.values()])


@settings(max_examples=100)
@given(
    headers=st.dictionaries(names, values, max_size=6),
    body=st.binary(max_size=40) | st.just(BODY),
    wall=st.floats(0, 1e11),
    limited=st.booleans(),
)
def test_never_raises(headers: dict[str, str], body: bytes, wall: float, limited: bool) -> None:
    """Whatever an upstream sends, it is no word or one between nothing and an hour."""
    found = cooldown(headers, body, wall, limited=limited)
    assert found is None or 0.0 <= found <= LONGEST

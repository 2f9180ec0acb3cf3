"""What a caller is told when no attempt had anything to send."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from itertools import count
from time import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from multidict import CIMultiDict

from aigw.errors import AttemptFailed, AttemptTimeout, BadAnswer, ConnectFailed, InvalidBody
from aigw.front import verdict
from aigw.observe import record
from aigw.relay.attempt import Attempt
from aigw.relay.prospects import Resting
from aigw.routing.health import Fault
from aigw.snapshot import Limits

from ..support.compiled import COMPILED
from ..support.snapshots import KEYS

if COMPILED:
    pytest.skip("its attempts are built of stand-ins", allow_module_level=True)

_numbers = count(1)


def attempt(
    status: int = 0, error: AttemptFailed | None = None, headers: Mapping[str, str] | None = None, model: str = "m"
) -> Attempt:
    """One that failed with this status or error."""
    noted = record.Attempt("maker", model, KEYS["maker"][0].redacted, 0.0)
    noted.status = status
    exchange = SimpleNamespace(request=SimpleNamespace(operation=None, body=None, format=None))
    noted.key_id = f"aigpk_maker_{next(_numbers)}"
    failed = Attempt(cast(Any, exchange), cast(Any, None), Limits(), noted, None)
    failed.error = error or AttemptFailed(f"status_{status}")
    noted.reason = failed.error.reason
    if status:
        failed.head = cast(Any, SimpleNamespace(code=status, headers=CIMultiDict(headers or {})))
    return failed


REFUSED = ConnectFailed("connect", "no connection to https://maker.example: Connection refused")


@pytest.mark.parametrize(
    ("statuses", "passes"),
    [
        ((400,), True),
        ((429,), True),
        ((500,), True),
        ((529,), True),
        ((429, 429), True),
        ((400, 400, 400), True),
        ((429, 400), False),
        ((500, 500), False),
        ((503, 429), False),
        ((429, 418), True),
        ((302,), False),
        ((200,), False),
        ((0,), False),
    ],
)
def test_when_the_upstreams_own_error_goes_to_the_caller(statuses: tuple[int, ...], passes: bool) -> None:
    """Of one attempt, of a unanimous 4xx, of a status that ends everything; otherwise the gateway sums up."""
    attempts = [attempt(status) for status in statuses]
    assert verdict.upstream_error(attempts) is (attempts[-1] if passes else None)


@pytest.mark.parametrize(
    ("attempts", "out_of_time", "status", "code"),
    [
        ([attempt(error=REFUSED)], False, 502, "upstream_unreachable"),
        ([attempt(302)], False, 502, "upstream_error"),
        ([attempt(200, BadAnswer("html", "a web page"))], False, 502, "upstream_error"),
        ([attempt(error=BadAnswer("bad_http", "not HTTP"))], False, 502, "upstream_error"),
        ([attempt(error=AttemptTimeout("timeout", "no answer"))], False, 504, "timeout"),
        ([attempt(500), attempt(error=REFUSED)], False, 503, "all_candidates_failed"),
        ([attempt(500), attempt(error=REFUSED)], True, 504, "timeout"),
        ([], True, 504, "timeout"),
    ],
)
def test_the_gateways_own_error(attempts: list[Attempt], out_of_time: bool, status: int, code: str) -> None:
    """Unreachable, unusable, too late, or all of several failed: each has its code."""
    refusal = verdict.refusal(attempts, out_of_time=out_of_time, total=120.0)
    assert (refusal.http_status, refusal.error_code) == (status, code)
    assert "120 s" in refusal.message or not out_of_time


def test_every_attempt_is_listed() -> None:
    """Provider, model, redacted key, status or reason, and what is known of it; never a key itself."""
    refusal = verdict.refusal(
        [attempt(429), attempt(error=REFUSED), attempt(200, BadAnswer("error_in_stream", "it began with: busy"))],
        out_of_time=False,
        total=120.0,
    )
    key = KEYS["maker"][0]
    assert refusal.message == (
        f"None of 3 attempts succeeded: maker:m (key {key.redacted}): status 429;"
        f" maker:m (key {key.redacted}): connect, no connection to https://maker.example: Connection refused;"
        f" maker:m (key {key.redacted}): error_in_stream, it began with: busy."
    )
    assert key.secret.reveal() not in refusal.message


def test_without_model_and_key() -> None:
    """A stored response is asked for without a model, a provider of one's own perhaps without a key."""
    failed = attempt(500, model="")
    failed.record.key_redacted = ""
    assert verdict.describe(failed) == "maker: status 500"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([{}], 1),
        ([{"retry-after": "7"}], 7),
        ([{"retry-after": "7"}, {"retry-after": "3"}, {}], 3),
        ([{"retry-after": "0"}], 1),
        ([{"retry-after": "3600"}], 120),
        ([{"retry-after": "1.2"}], 2),
        ([{"retry-after-ms": "2500", "retry-after": "60"}], 3),
        ([{"retry-after-ms": "1"}], 1),
        ([{"retry-after": "soon"}], 1),
        ([{"retry-after": "-5"}], 1),
        ([{"retry-after": "²"}], 1),
        ([{"retry-after": "9" * 5000}], 1),
        ([{"retry-after": "Fri, 99 Foo 2026 00:00:00 GMT"}], 1),
        ([{"retry-after": formatdate(time() - 100, usegmt=True)}], 1),
        ([{"retry-after": formatdate(time() + 10_000, usegmt=True)}], 120),
    ],
)
def test_when_to_come_back(headers: list[dict[str, str]], seconds: int) -> None:
    """The soonest of the upstreams, whole seconds from 1 to 120: SDKs take more as "never"."""
    assert verdict.retry_after([attempt(429, headers=each) for each in headers]) == seconds


def test_unreachable_upstreams_say_nothing_of_when() -> None:
    """Then one second is told."""
    assert verdict.retry_after([attempt(error=REFUSED)]) == 1


def test_who_could_not_be_asked_is_told() -> None:
    """A model that the request cannot be said to is named among those that failed, with the reason."""
    unasked = SimpleNamespace(provider=SimpleNamespace(id="talker"), model="x")
    why = InvalidBody("The result has no call.")
    found = verdict.refusal([attempt(500), attempt(503)], [(cast(Any, unasked), why)], out_of_time=False, total=9)
    assert found.message.endswith("talker:x: not asked, The result has no call.")


# -- nobody was asked -------------------------------------------------------------------------------------------


def resting(seconds: float, fault: Fault | None, name: str = "maker") -> Resting:
    """A candidate that was not to be asked."""
    key = KEYS["maker"][0]
    return Resting(cast(Any, SimpleNamespace(provider=SimpleNamespace(id=name), model="m", key=key)), seconds, fault)


@pytest.mark.parametrize(
    ("rested", "status", "seconds", "again"),
    [
        ([(7.0, Fault.BUSY)], 429, 7, "true"),
        ([(6.2, Fault.BUSY), (30.0, Fault.BUSY)], 429, 7, "true"),
        ([(7.0, Fault.BUSY), (3.0, Fault.UPSTREAM)], 503, 3, "true"),
        ([(7.0, Fault.KEY)], 503, 7, "true"),
        ([(0.01, Fault.UPSTREAM)], 503, 1, "true"),
        ([(120.0, Fault.BUSY)], 429, 120, "true"),
        ([(121.0, Fault.BUSY)], 429, 120, "false"),
        ([(1.0, None)], 503, 1, "false"),
        ([(1.0, None), (9.0, Fault.UPSTREAM)], 503, 9, "true"),
        ([(1.0, None), (9.0, Fault.BUSY)], 503, 9, "true"),
        ([(1.0, None), (900.0, Fault.UPSTREAM)], 503, 120, "false"),
    ],
)
def test_when_nobody_was_to_be_asked(
    rested: list[tuple[float, Fault | None]], status: int, seconds: int, again: str
) -> None:
    """429 where all are rate limited, else 503; to come back when the soonest is well, if an SDK waits for that long.

    An empty budget names no time: nobody is to come back for its sake.
    """
    found = verdict.refusal([], resting=[resting(*each) for each in rested], out_of_time=False, total=9)
    assert (found.http_status, found.error_code, found.retry_after) == (status, "all_candidates_cooling", seconds)
    assert dict(found.headers) == {"x-should-retry": again}


def test_why_nobody_was_asked() -> None:
    """Each is named with its reason, its key redacted."""
    rested = [resting(6.2, Fault.BUSY), resting(9, Fault.KEY), resting(5, Fault.UPSTREAM, "other"), resting(1, None)]
    found = verdict.refusal([], resting=rested, out_of_time=False, total=9)
    key = KEYS["maker"][0]
    assert found.message == (
        f"No candidate may be asked now: maker:m (key {key.redacted}): not asked for 7 s, rate limited;"
        f" maker:m (key {key.redacted}): not asked for 9 s, its key was refused;"
        f" other:m (key {key.redacted}): not asked for 5 s, it kept failing;"
        f" maker:m (key {key.redacted}): not asked again, its retry budget is empty."
        " Ask again later, or name fallbacks in `models`."
    )
    assert key.secret.reveal() not in found.message


def test_some_were_asked_and_some_were_not() -> None:
    """Then the soonest of all is when to come back; that they rested is told too."""
    found = verdict.refusal(
        [attempt(503, headers={"retry-after": "9"})], resting=[resting(4, Fault.BUSY)], out_of_time=False, total=9
    )
    assert (found.error_code, found.retry_after) == ("all_candidates_failed", 4)
    assert "status 503; maker:m" in found.message
    assert "not asked for 4 s" in found.message


def test_a_good_answers_fields_are_no_word_of_when() -> None:
    """`retry-after` on an answer with a status of success is of another matter."""
    assert verdict.retry_after([attempt(200, BadAnswer("empty_stream"), {"retry-after": "53"})]) == 1

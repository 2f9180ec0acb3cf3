"""What to tell a caller when no attempt had anything to send: an upstream's own error, or one of ours."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from time import time

from aigw.errors import AllCooling, AllFailed, AttemptTimeout, BadAnswer, Helps, Refusal, TotalTimeout, Unreachable
from aigw.relay.attempt import Attempt, helps
from aigw.relay.prospects import Resting
from aigw.routing.cooling import cooldown
from aigw.routing.health import Fault
from aigw.routing.plan import Candidate
from aigw.wire.complaint import delay
from aigw.wire.format import Trouble

# SDKs wait for what they are told up to 120 s and take more as "do not retry" (facts measured of the SDKs).
MIN_RETRY_AFTER, MAX_RETRY_AFTER = 1, 120
_TOO_MANY = 429


def upstream_error(attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt whose own error goes to the caller: the only one, one that ends all, the last of a unanimous 4xx."""
    last = attempts[-1]
    status = last.record.status
    if status < 400:
        return None
    unanimous = status < 500 and all(each.record.status == status for each in attempts)
    alone = len({_name(each) for each in attempts}) == 1
    return last if alone or unanimous or helps(status) is Helps.NOTHING else None


def refusal(
    attempts: Sequence[Attempt],
    unasked: Sequence[tuple[Candidate, Refusal]] = (),
    resting: Sequence[Resting] = (),
    *,
    out_of_time: bool,
    total: float,
) -> Refusal:
    """The gateway's own error.

    `unasked` could not be said the request, `resting` were not to be asked now; `total` is the total timeout in s.
    """
    words = [describe(each) for each in attempts]
    words += [f"{each.provider.id}:{each.model}: not asked, {why.message.rstrip('.')}" for each, why in unasked]
    words += [_rest(each) for each in resting]
    listed = "; ".join(words)
    if out_of_time:
        return TotalTimeout(
            f"No answer within {total:g} s, the time for all attempts together (limits.total_timeout):"
            f" {listed or 'nobody was asked'}."
        )
    if not attempts:
        return _cooling(resting, listed)
    if resting or len({_name(each) for each in attempts}) > 1:
        soonest = _whole([*_waits(attempts), *(each.seconds for each in resting)])
        return AllFailed(f"None of {len(attempts)} attempts succeeded: {listed}.", retry_after=soonest)
    return _only(attempts[-1], listed)


def _only(attempt: Attempt, listed: str) -> Refusal:
    """The error of the only candidate."""
    error = attempt.error
    if isinstance(error, AttemptTimeout):
        # The silence or the length of a whole answer that had begun, to be translated; else that none began.
        limit = error.reason if error.reason.startswith("stream_") else "per_request_timeout"
        return TotalTimeout(f"No answer in time (limits.{limit}): {listed}.")
    # An answer that is of no use (a redirect, a web page) was an answer.
    code = "upstream_error" if isinstance(error, BadAnswer) or attempt.record.status else None
    # An error under a status of success counts for what it says.
    status = error.trouble.status if error is not None and isinstance(error.trouble, Trouble) else None
    return Unreachable(f"The only candidate failed: {listed}.", code=code, status=status)


def _cooling(resting: Sequence[Resting], listed: str) -> Refusal:
    """The error where nobody was asked. To ask again helps once somebody may be asked, within what SDKs wait for."""
    limited = all(each.fault is Fault.BUSY for each in resting)
    # Of a retry budget nobody knows when it grows: to come back soon for its sake would be the storm it is against.
    known = [each.seconds for each in resting if each.fault is not None]
    seconds = min(known or [each.seconds for each in resting])
    again = bool(known) and seconds <= MAX_RETRY_AFTER
    return AllCooling(
        f"No candidate may be asked now: {listed}. Ask again later, or name fallbacks in `models`.",
        status=429 if limited else None,
        retry_after=_whole([seconds]),
        headers=(("x-should-retry", "true" if again else "false"),),
    )


def _rest(resting: Resting) -> str:
    """Why a candidate was not asked, in words."""
    candidate, fault = resting.candidate, resting.fault
    where = f"{candidate.provider.id}:{candidate.model}" if candidate.model else candidate.provider.id
    key = f" (key {candidate.key.redacted})" if candidate.key is not None else ""
    if fault is None:
        return f"{where}{key}: not asked again, its retry budget is empty"
    why = "rate limited" if fault is Fault.BUSY else "its key was refused" if fault is Fault.KEY else "it kept failing"
    return f"{where}{key}: not asked for {max(ceil(resting.seconds), 1)} s, {why}"


def _name(attempt: Attempt) -> tuple[str, str, str]:
    return attempt.record.provider, attempt.record.model, attempt.record.key_id or attempt.record.key_redacted


def describe(attempt: Attempt) -> str:
    """One attempt in words: provider, model, redacted key, what happened."""
    record = attempt.record
    key = f" (key {record.key_redacted})" if record.key_redacted else ""
    model = f":{record.model}" if record.model else ""
    detail = attempt.error.detail if attempt.error is not None else ""
    what = f"status {record.status}" if record.status >= 300 else record.reason
    return f"{record.provider}{model}{key}: {what}{f', {detail}' if detail else ''}"


def retry_after(attempts: Sequence[Attempt]) -> int:
    """Seconds until the soonest upstream said it would take requests again, within what SDKs wait for."""
    return _whole(_waits(attempts))


def _waits(attempts: Sequence[Attempt]) -> list[float]:
    now = time()
    waits: list[float] = []
    for attempt in attempts:
        head = attempt.head
        # Of an answer that was good at first such fields are of another matter.
        if head is not None and head.code >= 400:
            wait = cooldown(head.headers, attempt.body, now, limited=head.code == _TOO_MANY)
            if wait is not None:
                waits.append(wait)
    return waits


def _whole(waits: Sequence[float]) -> int:
    """The shortest of these in whole seconds."""
    return int(min(max(ceil(min(waits, default=MIN_RETRY_AFTER)), MIN_RETRY_AFTER), MAX_RETRY_AFTER))


def delay_field(attempt: Attempt) -> bytes:
    """The header line that tells a caller to wait where only the body of an upstream's error says so."""
    assert attempt.head is not None
    seconds = None if "Retry-After" in attempt.head.headers else delay(attempt.body)
    return b"" if seconds is None else b"retry-after: %d\r\n" % max(ceil(seconds), MIN_RETRY_AFTER)

"""What to tell a caller when no attempt had anything to send: an upstream's own error, or one of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from math import ceil
from time import time

from aigw.errors import AllFailed, AttemptTimeout, BadAnswer, Helps, Refusal, TotalTimeout, Unreachable
from aigw.relay.attempt import Attempt, helps
from aigw.routing.plan import Candidate
from aigw.wire.complaint import delay

# SDKs wait for what they are told up to 120 s and take more as "do not retry" (facts measured of the SDKs).
MIN_RETRY_AFTER, MAX_RETRY_AFTER = 1, 120
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def upstream_error(attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt whose own error goes to the caller: the only one, one that ends all, the last of a unanimous 4xx."""
    last = attempts[-1]
    status = last.record.status
    if status < 400:
        return None
    unanimous = status < 500 and all(each.record.status == status for each in attempts)
    return last if len(attempts) == 1 or unanimous or helps(status) is Helps.NOTHING else None


def refusal(
    attempts: Sequence[Attempt], unasked: Sequence[tuple[Candidate, Refusal]] = (), *, out_of_time: bool, total: float
) -> Refusal:
    """The gateway's own error. `unasked` could not be said the request, `total` is the total timeout in seconds."""
    words = [describe(each) for each in attempts]
    words += [f"{each.provider.id}:{each.model}: not asked, {why.message.rstrip('.')}" for each, why in unasked]
    listed = "; ".join(words)
    if out_of_time:
        return TotalTimeout(
            f"No answer within {total:g} s, the time for all attempts together (limits.total_timeout): {listed}."
        )
    if len(attempts) > 1:
        return AllFailed(f"None of {len(attempts)} attempts succeeded: {listed}.", retry_after=retry_after(attempts))
    error = attempts[0].error
    if isinstance(error, AttemptTimeout):
        # The silence or the length of a whole answer that had begun, to be translated; else that none began.
        limit = error.reason if error.reason.startswith("stream_") else "per_request_timeout"
        return TotalTimeout(f"No answer in time (limits.{limit}): {listed}.")
    # An answer that is of no use (a redirect, a web page) was an answer.
    code = "upstream_error" if isinstance(error, BadAnswer) or attempts[0].record.status else None
    return Unreachable(f"The only candidate failed: {listed}.", code=code)


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
    now = time()
    waits = [_wait(each.head.headers, now) or delay(each.body) for each in attempts if each.head is not None]
    soonest = min((wait for wait in waits if wait is not None), default=MIN_RETRY_AFTER)
    return int(min(max(ceil(soonest), MIN_RETRY_AFTER), MAX_RETRY_AFTER))


def delay_field(attempt: Attempt) -> bytes:
    """The header line that tells a caller to wait where only the body of an upstream's error says so."""
    assert attempt.head is not None
    seconds = None if "Retry-After" in attempt.head.headers else delay(attempt.body)
    return b"" if seconds is None else b"retry-after: %d\r\n" % max(ceil(seconds), MIN_RETRY_AFTER)


def _wait(headers: Mapping[str, str], now: float) -> float | None:
    """What an upstream says in seconds: retry-after-ms, or Retry-After as a number or a date (RFC 9110, 10.2.3)."""
    milliseconds, after = headers.get("retry-after-ms", ""), headers.get("Retry-After", "")
    if _NUMBER.fullmatch(milliseconds):
        return float(milliseconds) / 1e3
    if _NUMBER.fullmatch(after):
        return float(after)
    try:
        return parsedate_to_datetime(after).timestamp() - now
    except (ValueError, OverflowError):
        return None

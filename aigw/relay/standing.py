"""What an attempt's end says of its key and its provider, told to the health of both."""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING

from aigw.errors import AnswerBroken, AttemptFailed, AttemptTimeout
from aigw.routing.cooling import cooldown
from aigw.routing.health import Fault
from aigw.wire.format import Trouble

if TYPE_CHECKING:
    from aigw.relay.attempt import Attempt

_OF_THE_KEY = frozenset({401, 402, 403})
_NOT_NOW = frozenset({408, 409, 425})
_TOO_MANY = 429
# Failures that are not the upstream's: this process has no connection left, or the provider's code is wrong.
_OWN = frozenset({"connections_exhausted", "provider_error"})
# By how much a limit may be noticed early, in seconds; what ended earlier had less time than its own limit.
_SLACK = 0.2


def fault_of_status(status: int) -> Fault:
    """What a status that is no success says."""
    if status in _OF_THE_KEY:
        return Fault.KEY
    if status == _TOO_MANY:
        return Fault.BUSY
    if status >= 500 or status < 400 or status in _NOT_NOW:
        return Fault.UPSTREAM
    return Fault.REQUEST


def answered(attempt: Attempt) -> None:
    """Its answer is worth sending: the key and the provider are well. Once per attempt."""
    if attempt.answered:
        return
    attempt.answered = True
    target, record = attempt.target, attempt.record
    # A switch of protocols has no first byte: what was known stays.
    first_byte = target.latency if record.first_byte_ms is None else record.first_byte_ms * 1e-3
    target.served(monotonic(), first_byte, attempt.probe, attempt.candidate.model)
    if attempt.again:
        target.budget.refund()
        target.budget.end()
    else:
        target.budget.deposit()


def failed(attempt: Attempt) -> None:
    """It had nothing worth sending."""
    error = attempt.error
    assert error is not None
    if error.reason in _OWN or _hurried(attempt, error):
        return
    blame = fault(attempt)
    head = attempt.head
    told = None
    # Of an answer that was good at first such fields are of another matter.
    if head is not None and head.code >= 400 and (blame is Fault.BUSY or blame is Fault.UPSTREAM):
        told = cooldown(head.headers, attempt.body, time(), limited=blame is Fault.BUSY)
    attempt.target.failed(monotonic(), blame, told, attempt.probe, attempt.record.started, attempt.candidate.model)


def broke(attempt: Attempt, error: AnswerBroken) -> None:
    """Its answer stopped midway."""
    if not _hurried(attempt, error):
        attempt.target.failed(monotonic(), Fault.UPSTREAM, None, attempt.probe, attempt.record.started)


def fault(attempt: Attempt) -> Fault:
    """What kind of failure it was; of an error under a status of success, by what the error says."""
    status = attempt.record.status
    if 200 <= status < 300:
        trouble = attempt.error.trouble if attempt.error is not None else None
        return fault_of_status(trouble.status) if isinstance(trouble, Trouble) else Fault.UPSTREAM
    return fault_of_status(status) if status else Fault.UPSTREAM


def _hurried(attempt: Attempt, error: AttemptFailed) -> bool:
    """Whether it was a limit of time that ended it, and the upstream had less than the operator gives.

    The less is the caller's own limit or its account's, or what attempts before it left of the time for all.
    """
    reason, own, account = error.reason, attempt.limits, attempt.exchange.account
    usual = account.given_limits_for(attempt.candidate.provider.id)
    if reason == "stream_total_timeout":
        return True  # that it took too long in all is the limit's doing
    if reason == "stream_idle_timeout":
        return own.stream_idle_timeout < usual.stream_idle_timeout
    if reason == "connect_timeout":
        return own.connect_timeout < usual.connect_timeout
    if not isinstance(error, AttemptTimeout):
        return False
    whole = min(usual.per_request_timeout, usual.total_timeout)
    return monotonic() - attempt.record.started < whole - _SLACK

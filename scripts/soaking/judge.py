"""What an answer may not be."""

from __future__ import annotations

from .asks import CANARY, Ask, Expects
from .caller import Answer, End


def judge(ask: Ask, answer: Answer) -> str | None:
    """What is wrong with an answer, None when nothing is."""
    foreign = set(CANARY.findall(answer.body)) - {ask.canary}
    if foreign:
        return f"FOREIGN CANARY: {sorted(foreign)[:3]} in the answer to {ask.canary!r}"
    if answer.end is End.LEFT:
        return None
    if answer.status and answer.request_id != ask.canary:
        return f"the request id {answer.request_id!r} is not the caller's own"
    if answer.end is End.HUNG:
        return "no end of the answer within the caller's patience"
    found = _incomplete(ask, answer) if ask.expects is Expects.COMPLETE else _lie(ask, answer)
    return found and f"{found}: {answer.body[-300:]!r}"


def _incomplete(ask: Ask, answer: Answer) -> str | None:
    if answer.status != 200:
        return f"status {answer.status} instead of 200"
    if answer.end is not End.COMPLETE or not _whole(ask, answer):
        return f"the answer is not whole ({answer.end.value})"
    return None


def _lie(ask: Ask, answer: Answer) -> str | None:
    """A 200 that ends well is whole, or says that it is not."""
    if answer.status == 0:
        return "no answer at all"
    if answer.status != 200 or answer.end is End.BROKEN or b'"error"' in answer.body:
        return None
    return None if _whole(ask, answer) else "the answer looks complete and is not"


def _whole(ask: Ask, answer: Answer) -> bool:
    return ask.canary in answer.body and (not ask.streamed or ask.kind.terminal in answer.body)

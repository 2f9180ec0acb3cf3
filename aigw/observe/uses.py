"""When was each key last used? Noted as requests end, taken away in batches: no write per request."""

from __future__ import annotations

from aigw.observe.record import Record
from aigw.records import MANAGED, OPERATOR_ACCOUNT

# Keys between two batches: beyond them one is noted at its next use.
MOST = 50_000


class Uses:
    """A sink of records."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], float] = {}

    def observe(self, record: Record) -> None:
        """Note the keys of one request."""
        if not record.access_key_id or len(self._last) > MOST:
            return
        account, at = record.account_id, record.wall
        self._last[account, record.access_key_id] = at
        for attempt in record.attempts:
            if attempt.key_id:
                # The operator's own provider keys, whoever's request uses them.
                of = OPERATOR_ACCOUNT if attempt.key_source == MANAGED else account
                self._last[of, attempt.key_id] = at

    def take(self) -> list[tuple[str, str, float]]:
        """What has been noted since the last time: account, id, seconds since the epoch."""
        taken, self._last = self._last, {}
        return [(account, id, at) for (account, id), at in taken.items()]

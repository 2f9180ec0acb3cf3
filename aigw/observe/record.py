"""The record of one request: what came in, which upstreams were tried, what went out, how long it took.

Plain slots classes, because one is made for every request on the hot path. Times called `started`,
`received`, `first_byte` and `ended` are seconds of the loop's monotonic clock, `None` until they happen;
names that end in `_ms` are milliseconds. `wall` alone is seconds since the epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aigw.wire.losses import Loss
    from aigw.wire.usage import Seen

Outcome = Literal["ok", "client_error", "client_closed", "refused", "upstream_error", "timeout", "broken", "failed"]

# The answer came to its real end and all of it went to the caller.
OK: Final = "ok"
# The upstream found fault with the request itself (400, 413, 422 …), and its answer went to the caller.
CLIENT_ERROR: Final = "client_error"
# The caller went away before the answer was complete.
CLIENT_CLOSED: Final = "client_closed"
# The gateway answered itself before any upstream was called: key, scope, limits, credits, unknown model,
# bad body.
REFUSED: Final = "refused"
# Every candidate failed, or an upstream's error went to the caller.
UPSTREAM_ERROR: Final = "upstream_error"
# A limit of time ended the request: no first byte in time, a silent stream, a stream over its total.
TIMEOUT: Final = "timeout"
# The answer stopped midway, after some of it had gone to the caller.
BROKEN: Final = "broken"
# The gateway's own fault. Also what a request counts as until somebody says otherwise.
FAILED: Final = "failed"

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)


class Attempt:
    """One try at one upstream with one credential.

    `status` is the upstream's, 0 while there is none. `reason` is the short stable word of the failure
    (`AttemptFailed.reason`), empty when the attempt served. `key_id` and `key_redacted` are empty for a
    provider that needs no key; `key_source` is `user` or `managed`. `reused` tells that the connection came
    from the pool, `hedge` that it was a second one, begun while another was still waiting for its answer. `home` is
    the provider's name where those of all accounts meet.
    """

    __slots__ = (
        "connect_ms",
        "ended",
        "first_byte_ms",
        "hedge",
        "home",
        "key_id",
        "key_redacted",
        "key_source",
        "model",
        "provider",
        "reason",
        "reused",
        "started",
        "status",
    )

    def __init__(self, provider: str, model: str, key_redacted: str, started: float) -> None:
        self.provider = provider
        self.home = provider
        self.model = model
        self.key_redacted = key_redacted
        self.started = started
        self.key_id = ""
        self.key_source = ""
        self.status = 0
        self.reason = ""
        self.reused = False
        self.hedge = False
        self.connect_ms: float | None = None
        self.first_byte_ms: float | None = None
        self.ended: float | None = None

    @property
    def duration_ms(self) -> float | None:
        """From the decision to try until the upstream's last byte or the failure; `None` while it runs."""
        return None if self.ended is None else (self.ended - self.started) * 1e3

    def waited(self, until: float) -> float:
        """Seconds of this attempt before `until` that went to waiting for the upstream.

        An attempt that was over by then was all waiting; one that was still sending counts up to its first
        byte.
        """
        if self.ended is not None and self.ended <= until:
            return self.ended - self.started
        if self.first_byte_ms is not None:
            return self.first_byte_ms * 1e-3
        return until - self.started


class Record:
    """Everything the sinks may know of one request; mutable while the request runs, settled by `finish`.

    `home` names the provider where those of all accounts meet, empty where its own id does.
    `model` is as sent to the upstream, `requested_model` as the caller wrote it. `received` is when the
    caller's body was complete, `first_byte` when the first byte of the answer's body went to the caller.
    `status` is the caller's, 0 while no answer has begun. `error` is the gateway's error code, empty when
    there is none. `losses` are what a translation could not carry as it was. `affinity` tells that the key
    was chosen for the prompt cache it may have. `bytes_in` and `bytes_out` count bodies as the caller sees
    them.
    """

    __slots__ = (
        "access_key_id",
        "access_key_name",
        "account_id",
        "affinity",
        "attempts",
        "bytes_in",
        "bytes_out",
        "ended",
        "error",
        "first_byte",
        "gateway_ms",
        "home",
        "losses",
        "model",
        "outcome",
        "provider",
        "received",
        "request_id",
        "requested_model",
        "seen",
        "started",
        "status",
        "stream",
        "surface",
        "wall",
    )

    def __init__(self, request_id: str, surface: str, started: float, wall: float) -> None:
        self.request_id = request_id
        self.surface = surface
        self.started = started
        self.wall = wall
        self.account_id = ""
        self.access_key_id = ""
        self.access_key_name = ""
        self.provider = ""
        self.home = ""
        self.model = ""
        self.requested_model = ""
        self.stream = False
        self.affinity = False
        self.status = 0
        self.outcome: Outcome = FAILED
        self.error = ""
        self.attempts: list[Attempt] = []
        self.bytes_in = 0
        self.bytes_out = 0
        self.received: float | None = None
        self.first_byte: float | None = None
        self.ended: float | None = None
        self.gateway_ms = 0.0
        self.seen: Seen | None = None
        self.losses: Sequence[Loss] = ()

    def attempt(self, provider: str, model: str, key_redacted: str, now: float) -> Attempt:
        """Open the next attempt; the caller of this fills it in."""
        opened = Attempt(provider, model, key_redacted, now)
        self.attempts.append(opened)
        return opened

    def own_ms(self, until: float) -> float:
        """The gateway's own time up to `until`: not waiting for the caller's body or an upstream.

        Attempts stand in the order of their start; what two of them waited at the same time counts once.
        """
        busy = until - (self.started if self.received is None else self.received)
        counted = 0.0
        for attempt in self.attempts:
            began, over = attempt.started, attempt.started + attempt.waited(until)
            if over > counted:
                busy -= over - (began if began > counted else counted)
                counted = over
        return busy * 1e3 if busy > 0.0 else 0.0

    def finish(self, now: float) -> bool:
        """Settle the record at `now`; True the first time only, so that it is shown to the sinks once.

        What the gateway itself took is settled up to the first byte out (beyond it, a stream's pace is the
        upstream's and the caller's), or up to the end when no body went out.
        """
        if self.ended is not None:
            return False
        self.ended = now
        self.gateway_ms = self.own_ms(now if self.first_byte is None else self.first_byte)
        return True

    @property
    def duration_ms(self) -> float | None:
        """From the request's first byte in to the answer's last byte out; `None` while it runs."""
        return None if self.ended is None else (self.ended - self.started) * 1e3

    @property
    def first_byte_ms(self) -> float | None:
        """How long the caller waited for the first byte of the answer's body; `None` when there was none."""
        return None if self.first_byte is None else (self.first_byte - self.started) * 1e3

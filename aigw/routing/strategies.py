"""In which order are things asked that are as good as each other? One function per strategy, over entries.

What may not be asked now (cooling down, an open circuit) stands behind what may. Of the strategies:

- `round_robin` and ties go by turns: one number per group, so that every n requests in a row meet each of n keys.
- `weighted` is nginx's smooth weighted round robin (ngx_http_upstream_round_robin.c): exact over each cycle, and heavy
  keys are not asked in bursts. A weight of 0: only when nothing else is left.
- `least_busy`: fewest attempts under way.
- `lowest_latency`: by the average time to the first byte, times one more than the attempts under way.
- `cache_affinity`: rendezvous hashing (Thaler and Ravishankar, 1998) of the request's prefix with each key: a key that
  goes away moves its own conversations and no others, a new one takes an even share of all.

No clock and no tasks: how old a measurement is, is told by the requests that passed since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from math import inf

from aigw.routing.health import Target

# A slow key is tried again after so many requests for each key of its group, times as many as it is slower than the
# quick ones. What trying costs is then a thirty-second of the quick ones' latency, however many the slow ones are and
# however slow.
STALE_AFTER = 32
# What belongs to no conversation has no affinity: a connection for speech, a stored response.
_BY_TURNS = ("round_robin", "cache_affinity")
# The latency of all where none is known, in seconds.
_ANY = 1.0
# Hashes have 31 bits, multipliers at most 30: a product stays within a machine word.
_BITS = 0x7FFFFFFF
_ONE, _TWO = 0x45D9F3B, 0x2C1B3C6D


class Turns:
    """What a group remembers from one request to the next, by the names of its keys.

    `turn` counts its requests; `picked` says at which of them a key was first; `current` is the weighted cycle's.
    `weights` are the policy's, `epoch` is the configuration that they are from.
    """

    def __init__(self) -> None:
        self.turn = 0
        self.epoch = -1
        self.picked: dict[str, int] = {}
        self.current: dict[str, int] = {}
        self.weights: dict[str, int] = {}

    def adopt(self, epoch: int, weights: dict[str, int]) -> None:
        """Forget what belonged to another configuration, but for whose turn it is."""
        self.epoch = epoch
        self.weights = weights
        self.picked = {}
        self.current = {}


class Entry:
    """One thing to choose: its place in the order given, its name, what is known of it. The lowest `rank` is first.

    `model` is what it would be asked for; `free`: it may be asked now.
    """

    def __init__(self, place: int, name: str, target: Target, model: str, weight: int, seed: int) -> None:
        self.place = place
        self.name = name
        self.target = target
        self.model = model
        self.weight = weight
        self.seed = seed
        self.free = True
        self.rank = 0.0


def ordered(entries: list[Entry], strategy: str, turns: Turns, prefix: Callable[[], bytes], now: float) -> list[Entry]:
    """The entries in the order to ask them; in the order given for a strategy that is not known."""
    free: list[Entry] = []
    waiting: list[Entry] = []
    for entry in entries:
        if entry.target.wait(now, entry.model) > 0.0:
            entry.free = False
            waiting.append(entry)
        else:
            free.append(entry)
    if len(free) > 1:
        free = _chosen(free, strategy, turns, prefix)
    return free + waiting if waiting else free


def take_turn(chosen: list[Entry], strategy: str, turns: Turns) -> None:
    """The first of these, as `ordered` gave them, is the one that is asked."""
    first = chosen[0]
    if not first.free:
        return
    turns.turn += 1
    turns.picked[first.name] = turns.turn
    if strategy == "weighted":
        current = turns.current
        total = 0
        for entry in chosen:
            if entry.free and entry.weight > 0:
                current[entry.name] = current.get(entry.name, 0) + entry.weight
                total += entry.weight
        current[first.name] = current.get(first.name, 0) - total


def _chosen(free: list[Entry], strategy: str, turns: Turns, prefix: Callable[[], bytes]) -> list[Entry]:
    digest = prefix() if strategy == "cache_affinity" else b""
    if digest:
        _rank_by_affinity(free, digest)
    elif strategy in _BY_TURNS:
        start = turns.turn % len(free)
        return free[start:] + free[:start]
    elif strategy == "weighted":
        _rank_by_weight(free, turns.current)
    elif strategy == "least_busy":
        _rank_by_load(free, turns)
    elif strategy == "lowest_latency":
        _rank_by_latency(free, turns)
    free.sort(key=_rank)
    return free


def _rank(entry: Entry) -> float:
    return entry.rank


def _rank_by_load(free: list[Entry], turns: Turns) -> None:
    """Fewest attempts under way; of equals the one that was first longest ago."""
    now = turns.turn + 1.0
    for entry in free:
        entry.rank = entry.target.in_flight + turns.picked.get(entry.name, 0) / now


def _rank_by_latency(free: list[Entry], turns: Turns) -> None:
    """What is not known and was never tried goes first, once; until it is known it is half as quick as the slowest."""
    slowest = 0.0
    for entry in free:
        slowest = max(slowest, entry.target.latency)
    span = float(STALE_AFTER * len(free))
    for entry in free:
        target = entry.target
        latency = target.latency
        if latency <= 0.0:
            if entry.name not in turns.picked and not target.in_flight:
                entry.rank = -1.0
                continue
            latency = 2.0 * slowest or _ANY
        age = turns.turn - turns.picked.get(entry.name, 0)
        entry.rank = latency * (target.in_flight + 1) / (1.0 + age / span)


def _rank_by_weight(free: list[Entry], current: dict[str, int]) -> None:
    """The one that is due most; the others as they would be due one request later."""
    most = -inf
    first: Entry | None = None
    for entry in free:
        if entry.weight <= 0:
            entry.rank = inf
            continue
        due = float(current.get(entry.name, 0) + entry.weight)
        entry.rank = -due - entry.weight
        if due > most:
            first, most = entry, due
    if first is not None:
        first.rank = -inf


def _rank_by_affinity(free: list[Entry], prefix: bytes) -> None:
    """By what the hash of prefix and key gives: every key has its own order of prefixes."""
    one = int.from_bytes(prefix[:4], "big") & _BITS
    two = int.from_bytes(prefix[4:8], "big") & _BITS
    for entry in free:
        entry.rank = float(_mixed(_mixed(entry.seed ^ one) ^ two))


def seed(*names: str) -> int:
    """The hash of a key's own names; the same in all processes."""
    return int.from_bytes(hashlib.blake2b("\0".join(names).encode(), digest_size=4).digest(), "big") & _BITS


def _mixed(value: int) -> int:
    """A bijection of 31 bits, each of which changes about half of the others (after Appleby's MurmurHash3)."""
    value ^= value >> 16
    value = value * _ONE & _BITS
    value ^= value >> 15
    value = value * _TWO & _BITS
    return value ^ value >> 16

"""All targets: what looks at the bytes, and the seeds that are broken for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random

import attrs

from ...support.golden import NAMES
from . import answers, bodies, fields, streams
from .mutate import altered, broken


@attrs.frozen
class Target:
    """`look` raises whatever it likes when a promise is broken, and nothing otherwise."""

    look: Callable[[bytes, Random], None]
    seeds: Sequence[bytes]

    def broken(self, chance: Random) -> bytes:
        """A seed with a few things wrong."""
        return self.alter(chance.choice(self.seeds), chance)

    def alter(self, data: bytes, chance: Random) -> bytes:
        """The data with a few things wrong: as bytes, or as a document that stays one."""
        if chance.random() < 0.6 and _is_document(data):
            return altered(data, chance, [each for each in self.seeds if _is_document(each)] or [data])
        return broken(data, chance, self.seeds)


@lru_cache(512)
def _is_document(data: bytes) -> bool:
    try:
        return data[:1] in (b"{", b"[") and isinstance(json.loads(data), dict | list)
    except (ValueError, RecursionError):
        return False


def _error_bodies(name: str) -> list[bytes]:
    given = [json.loads(each) for each in streams.seeds("errors", name)]
    return [
        each["body"].encode() if isinstance(each["body"], str) else json.dumps(each["body"]).encode() for each in given
    ]


def _all() -> dict[str, Target]:
    said = {name: [*streams.seeds("streams", name)] for name in NAMES}
    told = {name: [*streams.seeds("answers", name)] for name in NAMES}
    targets = {
        "json": Target(bodies.json_body, bodies.JSON_SEEDS),
        "form": Target(bodies.form, bodies.FORM_SEEDS),
        "coded": Target(bodies.coded, bodies.CODED_SEEDS),
        "chunks": Target(bodies.chunks, bodies.CHUNK_SEEDS),
        "events": Target(streams.events, [*streams.EVENT_SEEDS, *(each[0] for each in said.values())]),
        "usage": Target(streams.usage, [each for name in NAMES for each in (*said[name][:4], *told[name][:4])]),
        "opening": Target(streams.opening, [each for name in NAMES for each in said[name][:4]]),
        "answer": Target(answers.answer, answers.SEEDS),
        "target": Target(fields.target, fields.ROUTE_SEEDS),
        "name": Target(fields.name, fields.NAME_SEEDS),
        "times": Target(fields.times, fields.TIME_SEEDS),
        "wished": Target(fields.wished, fields.WISH_SEEDS),
        "prefix": Target(bodies.prefixed, [*bodies.JSON_SEEDS, *streams.seeds("requests", "messages")]),
        "guard": Target(streams.guarded, [each for name in NAMES for each in said[name][:4]]),
        "scrubbed": Target(fields.scrubbed, fields.TEXT_SEEDS),
    }
    for name in NAMES:
        targets[f"{name}-request"] = Target(streams.request(name), streams.seeds("requests", name))
        targets[f"{name}-answer"] = Target(streams.answer(name), told[name])
        targets[f"{name}-stream"] = Target(streams.stream(name), said[name])
        targets[f"{name}-error"] = Target(streams.error(name), _error_bodies(name))
    return targets


TARGETS = _all()

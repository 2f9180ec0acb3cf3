"""A dry run: which candidates a request would meet, in which order, under which limits, and why; nothing is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from aigw import compose, operations
from aigw.adapter import Ask, Operation
from aigw.declared import needs_sandbox
from aigw.errors import AttemptFailed, ConfigError, Refusal
from aigw.records import AccessKey
from aigw.relay.drive import Unfinished, run
from aigw.routing.plan import Candidate, Passed, plan
from aigw.settings import Settings, format_duration
from aigw.snapshot import Limits, Snapshot

# Stands for the address of the sandbox, which only `serve` starts.
SANDBOX_URL = "http://sandbox"
STRATEGY = "ordered"
_TIMEOUT = "_timeout"
_ANYBODY = AccessKey("", "", b"")


def explain(settings: Settings, models: Sequence[str], surface: str, key_name: str | None = None) -> dict[str, Any]:
    """What a request for `models` (its `model`, then its fallbacks) would meet on a surface; JSON values.

    `candidates` in order, each with where it would be asked, its limits and why it is one; `passedOver` the names
    that gave none; `refusal` when there are no candidates at all. Raises ConfigError for an unknown surface or key.
    """
    operation = _operation(surface)
    snapshot = compose.snapshot_of(settings, sandbox_url=SANDBOX_URL if needs_sandbox(settings) else None)
    key = _key(snapshot, key_name)
    answer: dict[str, Any] = {
        "models": list(models),
        "surface": surface,
        "accessKey": key.name or None,
        "strategy": STRATEGY,
        "limits": _limits(snapshot.limits),
        "candidates": [],
        "passedOver": [],
    }
    try:
        found = plan(operation, models[0], tuple(models[1:]), key, snapshot)
    except Refusal as refusal:
        passed = [Passed(name, own) for name in models if (own := _refused(operation, name, key, snapshot))]
        return answer | {"refusal": _refusal(refusal), "passedOver": [_passed(each) for each in passed]}
    answer["candidates"] = [_candidate(operation, each, models, snapshot) for each in found.candidates]
    answer["passedOver"] = [_passed(each) for each in found.passed]
    return answer


def lines(answer: dict[str, Any]) -> Iterator[str]:
    """The rest of an answer for people, below the table of its candidates."""
    if refusal := answer.get("refusal"):
        yield f"no candidate: {refusal['code']} ({refusal['status']}): {refusal['message']}"
    for each in answer["passedOver"] if len(answer["models"]) > 1 else ():
        yield f"passed over {each['model']}: {each['code']}: {each['message']}"
    yield f"access key: {answer['accessKey'] or 'any (none is declared)'}"
    yield f"strategy: {answer['strategy']}: keys in the order they are configured, then the next model"
    yield f"limits: {_listed(answer['limits'])}"
    for each in answer["candidates"]:
        if own := each["limits"]:
            yield f"limits of {each['provider']}: {_listed(own)}"
    yield from dict.fromkeys(filter(None, map(_policy, answer["candidates"])))


def _policy(candidate: dict[str, Any]) -> str:
    """What is not usual in how a provider's candidates are chosen and asked, in words; empty where all is."""
    words = []
    if candidate["strategy"] != STRATEGY:
        words.append(f"keys by {candidate['strategy']}, not in the order shown")
    if candidate["hedge"]:
        words.append("a second candidate is asked where a stream is late")
    return f"{candidate['provider']}: {'; '.join(words)}" if words else ""


def _listed(limits: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in limits.items())


def _operation(surface: str) -> Operation:
    found = next((each for each in operations.ALL if each.surface == surface), None)
    if found is None:
        known = ", ".join(sorted({each.surface for each in operations.ALL}))
        raise ConfigError(f"--surface {surface}: no such surface; there are {known}")
    return found


def _key(snapshot: Snapshot, name: str | None) -> AccessKey:
    keys = {each.name: each for each in snapshot.access_keys.values()}
    if name is None:
        return next(iter(keys.values()), _ANYBODY)
    if name not in keys:
        raise ConfigError(f"--key {name}: no such access key; there are {', '.join(keys) or 'none'}")
    return keys[name]


def _candidate(operation: Operation, candidate: Candidate, models: Sequence[str], snapshot: Snapshot) -> dict[str, Any]:
    provider, key = candidate.provider, candidate.key
    own = _limits(snapshot.limits_for(provider.id))
    policy = snapshot.policy_for(provider.id)
    return {
        "provider": provider.id,
        "model": candidate.model,
        "key": key.redacted if key else "none needed",
        "keySource": key.source if key else None,
        "url": _where(operation, candidate),
        # The surfaces it may be translated to; empty where the caller's own format is spoken.
        "translatedTo": [way.surface for way in candidate.ways],
        "why": _why(candidate, models, snapshot),
        "strategy": policy.strategy,
        "hedge": policy.hedge,
        # Only what differs from the limits of every request.
        "limits": {name: value for name, value in own.items() if value != _limits(snapshot.limits)[name]},
    }


def _where(operation: Operation, candidate: Candidate) -> str:
    """Where it would be asked: never with the credential, which goes in a header."""
    if candidate.estimated:
        return "(nowhere: the gateway estimates)"
    if candidate.ways:
        operation = operations.translated(operation, candidate.ways[0].surface, stream=False)
    try:
        outgoing = run(candidate.provider.adapt(Ask(operation, candidate.model, candidate.key, {})))
    except AttemptFailed as error:
        return f"({error})"
    if isinstance(outgoing, Unfinished):
        return "(found out at the time)"
    return f"{outgoing.origin}{outgoing.target}"


def _why(candidate: Candidate, models: Sequence[str], snapshot: Snapshot) -> str:
    provider = candidate.provider
    named = {name.partition(":")[2].casefold() for name in models if name.startswith(f"{provider.id}:")}
    if candidate.model.casefold() in named:
        reason = "named by the prefix"
    elif snapshot.declared.get(candidate.model.casefold(), ("",))[0] == provider.id:
        reason = "declared for this provider"
    else:
        reason = "the catalog's default provider"
    return reason if candidate.known else f"{reason}, not in the catalog: passed through as it is"


def _refused(operation: Operation, name: str, key: AccessKey, snapshot: Snapshot) -> Refusal | None:
    """Why one name alone would be refused."""
    try:
        plan(operation, name, (), key, snapshot)
    except Refusal as refusal:
        return refusal
    return None


def _passed(passed: Passed) -> dict[str, Any]:
    return {"model": passed.name, **_refusal(passed.refusal)}


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {"status": refusal.http_status, "code": refusal.error_code, "message": refusal.message}


def _limits(limits: Limits) -> dict[str, Any]:
    """Every limit by its name in the configuration, durations as they are written there."""
    values = attrs.asdict(limits, recurse=False)
    return {name: format_duration(value) if name.endswith(_TIMEOUT) else value for name, value in values.items()}

"""A dry run: which candidates a model's name would meet, and why; no upstream is called."""

from __future__ import annotations

from typing import Any

from aigw import compose, operations
from aigw.adapter import Ask, Operation
from aigw.errors import AttemptFailed, ConfigError, Refusal
from aigw.records import AccessKey
from aigw.relay.drive import Unfinished, run
from aigw.routing.plan import Candidate, plan
from aigw.settings import Settings
from aigw.snapshot import Snapshot

_ANYBODY = AccessKey("", "", b"")


def explain(settings: Settings, model: str, surface: str, key_name: str | None = None) -> dict[str, Any]:
    """The candidates in order, with where each would be asked; or the refusal. Raises ConfigError."""
    operation = next((each for each in operations.ALL if each.surface == surface), None)
    if operation is None:
        known = ", ".join(sorted({each.surface for each in operations.ALL}))
        raise ConfigError(f"--surface {surface}: no such surface; there are {known}")
    url = "http://127.0.0.1:0" if compose.needs_sandbox(settings) else None
    snapshot = compose.snapshot_of(settings, sandbox_url=url)
    answer: dict[str, Any] = {"model": model, "surface": surface, "candidates": []}
    try:
        found = plan(operation, model, (), _key(snapshot, key_name), snapshot)
    except Refusal as refusal:
        answer["refusal"] = {"status": refusal.http_status, "code": refusal.error_code, "message": refusal.message}
        return answer
    answer["candidates"] = [_told(operation, candidate, model) for candidate in found.candidates]
    return answer


def _key(snapshot: Snapshot, name: str | None) -> AccessKey:
    keys = list(snapshot.access_keys.values())
    if name is None:
        return keys[0] if keys else _ANYBODY
    found = next((each for each in keys if each.name == name), None)
    if found is None:
        raise ConfigError(
            f"--key {name}: no such access key; there are {', '.join(each.name for each in keys) or 'none'}"
        )
    return found


def _told(operation: Operation, candidate: Candidate, asked: str) -> dict[str, Any]:
    provider = candidate.provider
    try:
        outgoing = run(provider.adapt(Ask(operation, candidate.model, candidate.key, {})))
        where = "(found out at the time)" if isinstance(outgoing, Unfinished) else f"{outgoing.origin}{outgoing.target}"
    except AttemptFailed as error:
        where = f"({error})"
    prefixed = asked.startswith(f"{provider.id}:")
    reason = "named by the prefix" if prefixed else "the catalog's default provider" if candidate.known else "listed"
    if not prefixed and candidate.model in provider.models:
        reason = "declared for this provider"
    if not candidate.known:
        reason += ", not in the catalog: passed through as it is"
    return {
        "provider": provider.id,
        "model": candidate.model,
        "key": candidate.key.redacted if candidate.key else "none needed",
        "url": where,
        "why": reason,
    }

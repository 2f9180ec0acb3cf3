"""A dry run: which candidates a request would meet, in which order, under which limits, and why; nothing is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from aigw import compose, operations
from aigw.adapter import Ask, Operation
from aigw.declared import needs_sandbox
from aigw.errors import AttemptFailed, ConfigError, Refusal
from aigw.front.identify import check_expiry
from aigw.records import MANAGED, AccessKey
from aigw.relay.drive import Unfinished, run
from aigw.routing.plan import Candidate, Passed, plan
from aigw.routing.resolve import resolve
from aigw.settings import Settings, format_duration
from aigw.snapshot import Account, Limits, Snapshot

# Stands for the address of the sandbox, which only `serve` starts.
SANDBOX_URL = "http://sandbox"
STRATEGY = "ordered"
_ANYBODY = AccessKey("", "", b"")


def explain(settings: Settings, models: Sequence[str], surface: str, key_name: str | None = None) -> dict[str, Any]:
    """What a request for `models` (its `model`, then its fallbacks) would meet on a surface; JSON values.

    `candidates` in order, each with where it would be asked, its limits and why it is one; `passedOver` the names
    that gave none; `refusal` when there are no candidates at all. Raises ConfigError for an unknown surface or key.
    """
    operation = _operation(surface)
    snapshot = compose.snapshot_of(settings, sandbox_url=SANDBOX_URL if needs_sandbox(settings) else None)
    return _answer(operation, models, _declared_key(snapshot, key_name), snapshot)


def dry_run(snapshot: Snapshot, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The same in a running gateway, for an account: `asked` holds its id as `account`, `models` and `surface`.

    `accessKey` is the id or the name of one of its access keys, None for one that may call everything. Raises
    ConfigError.
    """
    operation, models = _operation(asked["surface"]), asked["models"]
    if not models:
        raise ConfigError("models: name one at least")
    try:
        account = snapshot.account(asked["account"])
    except KeyError:
        raise ConfigError(f"account {asked['account']}: it is not there yet, or not any more") from None
    return _answer(operation, models, _key_of(snapshot, account, asked.get("accessKey")), account)


def _answer(operation: Operation, models: Sequence[str], key: AccessKey, account: Account) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "models": list(models),
        "surface": operation.surface,
        "accessKey": key.name or None,
        "accessKeyId": key.id or None,
        "configuration": key.configuration.id if key.configuration is not None else None,
        "strategy": STRATEGY,
        "limits": _limits(account.limits),
        "keyLimits": _key_limits(key),
        "candidates": [],
        "passedOver": [],
    }
    try:
        check_expiry(key)
        found = plan(operation, models[0], tuple(models[1:]), key, account)
    except Refusal as refusal:
        passed = [Passed(name, own) for name in models if (own := _refused(operation, name, key, account))]
        return answer | {"refusal": _refusal(refusal), "passedOver": [_passed(each) for each in passed]}
    answer["candidates"] = [_candidate(operation, each, models, key, account) for each in found.candidates]
    answer["passedOver"] = [_passed(each) for each in found.passed]
    return answer


def _operation(surface: str) -> Operation:
    found = next((each for each in operations.ALL if each.surface == surface), None)
    if found is None:
        known = ", ".join(sorted({each.surface for each in operations.ALL}))
        raise ConfigError(f"--surface {surface}: no such surface; there are {known}")
    return found


def _declared_key(snapshot: Snapshot, name: str | None) -> AccessKey:
    keys = {each.name: each for each in snapshot.access_keys.values()}
    if name is None:
        return next(iter(keys.values()), _ANYBODY)
    if name not in keys:
        raise ConfigError(f"--key {name}: no such access key; there are {', '.join(keys) or 'none'}")
    return keys[name]


def _key_of(snapshot: Snapshot, account: Account, asked: str | None) -> AccessKey:
    """An account's access key; of several of one name any one."""
    if asked is None:
        return attrs.evolve(_ANYBODY, account=account.id)
    own = [
        each for each in snapshot.access_keys.values() if each.account == account.id and asked in (each.id, each.name)
    ]
    if not own:
        raise ConfigError(f"accessKeyId {asked}: the account has no such access key")
    return next((each for each in own if each.id == asked), own[0])


def _candidate(
    operation: Operation, candidate: Candidate, models: Sequence[str], access_key: AccessKey, account: Account
) -> dict[str, Any]:
    provider, key = candidate.provider, candidate.key
    own = _limits(account.limits_for(provider.id))
    policy = account.policy_for(provider.id)
    return {
        "provider": provider.id,
        "model": candidate.model,
        "key": key.redacted if key else "none needed",
        "keyId": key.id if key else None,
        "keySource": key.source if key else None,
        "keyWhy": _key_why(candidate, access_key),
        "url": _where(operation, candidate),
        # The surfaces it may be translated to; empty where the caller's own format is spoken.
        "translatedTo": [way.surface for way in candidate.ways],
        "why": _why(candidate, models, account),
        "strategy": candidate.strategy or policy.strategy,
        "hedge": policy.hedge,
        # Only what differs from the limits of every request.
        "limits": {name: value for name, value in own.items() if value != _limits(account.limits).get(name)},
    }


def _key_why(candidate: Candidate, access_key: AccessKey) -> str:
    configuration = access_key.configuration
    if candidate.key is None:
        return "the provider takes none"
    if configuration is not None and configuration.steps(candidate.provider.id, candidate.model) is not None:
        return f"a step of a rule of {configuration.id}"
    return "managed inference" if candidate.key.source == MANAGED else "the account's own"


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


def _why(candidate: Candidate, models: Sequence[str], account: Account) -> str:
    provider = candidate.provider
    name = next((each.strip() for each in models if _means(each, candidate, account)), "")
    aliased = account.aliases.get(name.casefold())
    if aliased is not None:
        reason = f"the alias {name} of {aliased}"
    elif name.startswith(f"{provider.id}:"):
        reason = "named by the prefix"
    elif account.declared.get(candidate.model.casefold(), ("",))[0] == provider.id:
        reason = "declared for this provider"
    else:
        reason = "the catalog's default provider"
    return reason if candidate.known else f"{reason}, not in the catalog: passed through as it is"


def _means(name: str, candidate: Candidate, account: Account) -> bool:
    """Whether this name gave the candidate."""
    try:
        target = resolve(name, account)
    except Refusal:
        return False
    return target.provider is candidate.provider and target.model == candidate.model


def _refused(operation: Operation, name: str, key: AccessKey, account: Account) -> Refusal | None:
    """Why one name alone would be refused."""
    try:
        plan(operation, name, (), key, account)
    except Refusal as refusal:
        return refusal
    return None


def _passed(passed: Passed) -> dict[str, Any]:
    return {"model": passed.name, **_refusal(passed.refusal)}


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {"status": refusal.http_status, "code": refusal.error_code, "message": refusal.message}


def _limits(limits: Limits) -> dict[str, Any]:
    """Every limit there is by its name in the configuration, durations as they are written there."""
    values = {name: value for name, value in attrs.asdict(limits, recurse=False).items() if value is not None}
    return {name: format_duration(value) if isinstance(value, float) else value for name, value in values.items()}


def _key_limits(key: AccessKey) -> dict[str, Any]:
    """How much an access key may be used: what is limited alone."""
    limits = key.limits
    told: dict[str, Any] = {
        "requestsPerMinute": limits.requests_per_minute,
        "tokensPerMinute": limits.tokens_per_minute,
        "maxParallel": limits.max_parallel,
    }
    if limits.budget is not None:
        told["budget"] = {"amount": str(limits.budget), "period": limits.period}
    return {name: value for name, value in told.items() if value is not None}

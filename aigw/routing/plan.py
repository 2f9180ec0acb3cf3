"""The candidates of a request, in order: each name, each credential of its provider; never one twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import attrs

from aigw import operations
from aigw.adapter import COMPLETIONS, CONVERSE, COUNT, EMBED, Operation, Outgoing, Provider
from aigw.catalog import Model
from aigw.errors import InvalidBody, LossyTranslation, NoCredentials, NotAllowed, Refusal
from aigw.records import MANAGED, AccessKey, ProviderKey, Step
from aigw.routing.resolve import Target, resolve
from aigw.snapshot import Account, Limits, Snapshot
from aigw.wire.dialect import Dialect

# A request lists a handful of fallbacks; a longer list is a mistake or an attack on the time of the plan.
MAX_NAMES = 32
# The longest known ids (a cloud's resource names) have some two hundred characters; plans are kept by name.
MAX_NAME = 512
# Whose input or output is counted in tokens.
_CAPPED = frozenset({CONVERSE, EMBED})


@attrs.frozen(eq=False)
class Way:
    """A surface of a candidate that a request can be translated to; `format` is the wire format it speaks there."""

    surface: str
    format: str
    dialect: Dialect


@attrs.frozen(eq=False)
class Candidate:
    """One thing to try: a model of a provider with one of its keys. `known` bounds the labels of metrics.

    `ways` are empty where the caller's own format is spoken, else the surfaces to translate to, the preferred one
    first. `facts` are what the catalog knows of the model. `estimated`: the gateway itself has to answer, because the
    provider cannot count tokens. `plain`: it gets the caller's own bytes. `shown` are the response header lines that
    tell of it; a plan is kept, so they are written once. `kept` holds, by operation, how a request goes out where that
    is always the same.

    Candidates of one `group` differ in nothing but the key: they are of one step, whose `strategy` says which is asked
    first (empty: the provider's policy). `caps` are the account's limits where those are in tokens; `accepts` the only
    request members that the surface takes. `bounded`: these or the limit of output may change what passes.
    """

    provider: Provider
    model: str
    key: ProviderKey | None
    known: bool
    ways: tuple[Way, ...] = ()
    facts: Model | None = None
    estimated: bool = False
    group: str = ""
    strategy: str = ""
    caps: Limits | None = None
    accepts: frozenset[str] | None = None
    bounded: bool = attrs.field(init=False, repr=False)
    plain: bool = attrs.field(init=False, repr=False)
    shown: bytes = attrs.field(init=False, repr=False)
    kept: dict[str, Outgoing] = attrs.field(factory=dict, init=False, repr=False)

    def refuses(self, effort: str | None) -> frozenset[str]:
        """Request members that the model is known not to accept when asked for this reasoning effort."""
        return self.facts.refuses(effort) if self.facts is not None else frozenset()

    @property
    def refuses_some(self) -> bool:
        """Whether there is any request member that the model is known not to accept."""
        return self.facts is not None and bool(self.facts.refused or self.facts.refused_with_reasoning)

    @bounded.default
    def _bounded(self) -> bool:
        return self.accepts is not None or (self.caps is not None and self.caps.max_output_tokens is not None)

    @plain.default
    def _plain(self) -> bool:
        own = self.ways or self.refuses_some or self.estimated or self.caps is not None
        return not own and self.accepts is None

    @shown.default
    def _shown(self) -> bytes:
        # The name may be the caller's own: nothing in it may end the line, and headers are ASCII.
        model = "".join(char if " " < char < "\x7f" else "?" for char in self.model)
        return f"x-aigw-provider: {self.provider.id}\r\nx-aigw-model: {model}\r\n".encode("ascii")


@attrs.frozen
class Passed:
    """A name that gave no candidate, and why: what `explain` shows and a refusal says."""

    name: str
    refusal: Refusal


@attrs.frozen
class Plan:
    """The candidates in order, and the names that were passed over."""

    candidates: tuple[Candidate, ...]
    passed: tuple[Passed, ...] = ()


def plan(
    operation: Operation, model: str | None, models: tuple[str, ...], access_key: AccessKey, account: Account
) -> Plan:
    """All candidates for a request. Raises the first name's Refusal when there are none.

    A name that cannot be called (unknown, out of scope, another format, no key) is passed over as long as another
    one can.
    """
    names = ((model,) if model is not None else ()) + models
    if not names:
        raise InvalidBody("`model` is missing: name a model, or list some in `models`.", param="model")
    if len(names) > MAX_NAMES:
        raise InvalidBody(f"`models` lists more than {MAX_NAMES} entries.", param="models")
    if max(map(len, names)) > MAX_NAME:
        raise InvalidBody(f"A model's name is longer than {MAX_NAME} characters.", param="model")
    candidates: list[Candidate] = []
    passed: list[Passed] = []
    seen: set[tuple[str, str]] = set()
    for name in names:
        try:
            target = _callable(operation, resolve(name, account), access_key)
            keys = credentials(target, access_key, account)
            found = _candidates(operation, target, keys, account)
        except Refusal as refusal:
            passed.append(Passed(name, refusal))
            continue
        if (target.provider.id, target.model) not in seen:
            seen.add((target.provider.id, target.model))
            candidates += found
    if not candidates:
        raise _first_that_matters(passed)
    return Plan(tuple(candidates), tuple(passed))


def _callable(operation: Operation, target: Target, access_key: AccessKey) -> Target:
    """The target, if the key's scope allows it and the provider serves this surface."""
    provider = target.provider
    if not {".", ".."}.isdisjoint(target.model.split("/")):
        # Where a model stands in the path it could climb out of the provider's.
        raise InvalidBody(f"`{target.model}` is no model's name.", param="model")
    if not access_key.scope.allows(provider.id, target.model):
        raise NotAllowed(
            f"This access key may not call the model `{target.model}` of the provider `{provider.id}`."
            " Ask the operator to add it to the key's configuration.",
            param="model",
        )
    return target


def _candidates(operation: Operation, target: Target, keys: Sequence[Credential], account: Account) -> list[Candidate]:
    """A target with each of its keys. Raises LossyTranslation where the provider serves nothing like the operation."""
    provider, model = target.provider, target.model
    facts = account.catalog.get(provider.id, model)
    ways: tuple[Way, ...] = ()
    estimated = False
    if not _speaks(operation, provider, facts):
        ways = _ways(operation, target, facts)
        converses = not provider.surfaces.isdisjoint(operations.surfaces(CONVERSE))
        estimated = not ways and operation.task == COUNT and converses
        if not ways and not estimated:
            raise LossyTranslation(
                f"The provider `{provider.id}` has no {operation.surface} surface, nor one that such a request could be"
                f" translated to. It serves: {', '.join(sorted(provider.surfaces))}.",
                param="model",
            )
    # What the catalog knows of parameters it knows of conversations.
    told = facts if operation.task == CONVERSE else None
    capped = operation.task in _CAPPED or operation.surface == COMPLETIONS
    caps = account.limits if capped and account.limits.caps else None
    accepts = provider.accepts.get(operation.surface) if provider.accepts and not ways else None
    return [
        Candidate(
            provider, model, each.key, target.known, ways, told, estimated, each.group, each.strategy, caps, accepts
        )
        for each in keys
    ]


def _speaks(operation: Operation, provider: Provider, facts: Model | None) -> bool:
    """Whether the caller's own format reaches the model: some models are served on some of the surfaces only."""
    if operation.surface not in provider.surfaces:
        return False
    if operation.task != CONVERSE or facts is None or operation.surface in facts.surfaces:
        return True
    return not facts.surfaces & provider.surfaces & set(operations.surfaces(CONVERSE))


def _ways(operation: Operation, target: Target, facts: Model | None) -> tuple[Way, ...]:
    """The surfaces to translate to, in the provider's own order of preference."""
    provider, model = target.provider, target.model
    served = [each for each in provider.preferred(operations.surfaces(operation.task)) if each != operation.surface]
    if facts is not None and facts.surfaces & set(served):
        served = [each for each in served if each in facts.surfaces]
    return tuple(
        Way(each, operations.format_of(operation.task, each), dialect(provider, model, each, facts)) for each in served
    )


def dialect(provider: Provider, model: str, surface: str, facts: Model | None) -> Dialect:
    """The provider's dialect, with what the catalog knows of the model."""
    known = provider.dialect(surface, model)
    if facts is None:
        return known
    return attrs.evolve(
        known,
        refused=known.refused | facts.refused,
        efforts=known.efforts or facts.efforts,
        max_output=known.max_output or facts.max_output,
        adaptive=known.adaptive or "thinking.budget_tokens" in facts.refused,
    )


class Credential(NamedTuple):
    """One key to try, None for none needed; `group` names the keys it is one of, `strategy` how they are ordered."""

    key: ProviderKey | None
    group: str
    strategy: str = ""


def credentials(target: Target, access_key: AccessKey, account: Account) -> tuple[Credential, ...]:
    """The keys to try, in order. Raises NoCredentials.

    By the steps of the rule that the access key's configuration has for this model or its provider; without one the
    account's own keys, then the operator's.
    """
    provider, configuration = target.provider, access_key.configuration
    steps = configuration.steps(provider.id, target.model) if configuration is not None else None
    named = configuration.id if configuration is not None else ""
    found = _usual(provider, account) if steps is None else _stepwise(steps, named, provider, account)
    if found:
        return found
    if not provider.needs_key:
        return (Credential(None, account.id),)
    raise _without_credentials(provider, account, named if steps is not None else "")


def _usual(provider: Provider, account: Account) -> tuple[Credential, ...]:
    own = tuple(Credential(key, account.id) for key in account.provider_keys.get(provider.id, ()))
    # As two steps: what the operator pays for is not asked as long as the account's own keys serve.
    group = f"{account.id} {MANAGED}"
    return own + tuple(Credential(key, group) for key in account.managed.get(provider.id, ()))


def _stepwise(
    steps: Sequence[Step], configuration: str, provider: Provider, account: Account
) -> tuple[Credential, ...]:
    """The keys of each step that are this provider's, none of them twice."""
    found: dict[str, Credential] = {}
    for number, step in enumerate(steps):
        group = f"{configuration} {number} {' '.join(step.keys)}"
        for key in _keys_of(step, provider, account):
            found.setdefault(key.id, Credential(key, group, step.strategy))
    return tuple(found.values())


def _keys_of(step: Step, provider: Provider, account: Account) -> Iterator[ProviderKey]:
    if step.source == MANAGED:
        yield from account.managed.get(provider.id, ())
    elif not step.keys:
        yield from account.provider_keys.get(provider.id, ())
    else:
        for id in step.keys:
            key = account.key(id, provider.id)
            if key is not None:
                yield key


def _without_credentials(provider: Provider, account: Account, configuration: str) -> NoCredentials:
    if configuration:
        return NoCredentials(
            f"The configuration `{configuration}` of this access key has a rule for `{provider.id}`, but no step of it"
            f" gives a key of that provider: name one of its provider keys there.",
            param="model",
        )
    ways = [f"run `aigw provider-keys create --provider {provider.id}`"]
    # Environment and configuration are the default account's.
    if isinstance(account, Snapshot):
        ways.insert(0, f"add `keys` under [providers.{provider.id}] in the configuration")
        if provider.key_variables:
            ways.insert(0, f"set {' or '.join(provider.key_variables)} in the environment")
    return NoCredentials(f"There is no provider key for `{provider.id}`: {', or '.join(ways)}.", param="model")


def _first_that_matters(passed: list[Passed]) -> Refusal:
    """The refusal of the first name, but scope first: it is decided before anything else is said of a model."""
    for entry in passed:
        if isinstance(entry.refusal, NotAllowed):
            return entry.refusal
    return passed[0].refusal

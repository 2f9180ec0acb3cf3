"""Routing rules as a caller writes them: which keys are used for which model or provider, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from aigw.control.known import Known
from aigw.control.provider_keys import secret_of
from aigw.control.shapes import Body, ModelName, Name, ProviderId, SecretText, Shown
from aigw.records import MANAGED
from aigw.store.errors import Invalid
from aigw.store.specs import MOST_KEYS, NewKey, Rule, Step, prefix_of, provider_of

MOST_RULES, MOST_STEPS = 10_000, 100

StepType = Literal["user", "managed"]
Strategy = Literal["ordered", "round_robin", "weighted", "least_busy", "lowest_latency", "cache_affinity"]
# Fields of steps as the store calls them, by their names here.
_NAMES = {"strategy": "keySelectionStrategy"}


class KeyBody(Body):
    """A provider key of the account by its `id`, or a new one by its `value`, which is made with the configuration."""

    id: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    value: SecretText | UnsetType = UNSET


class StepBody(Body):
    """Where credentials come from: the account's own keys (`user`), or the operator's (`managed`).

    A `user` step without keys means all that the account has for the provider, newest first.
    """

    type: StepType
    key_selection_strategy: Strategy = "ordered"
    keys: Annotated[list[KeyBody], Meta(max_length=MOST_KEYS)] = field(default_factory=list)


class RuleBody(Body):
    """The steps for a provider, for a model (any provider's, or one's: `provider:model`), or for a provider's model."""

    steps: Annotated[list[StepBody], Meta(min_length=1, max_length=MOST_STEPS)]
    provider: ProviderId | None = None
    model: ModelName | None = None


class RouterBody(Body):
    """The rules. One for a model wins over one for its provider; without one the account's keys are used, newest
    first, then the operator's.
    """

    rules: Annotated[list[RuleBody], Meta(max_length=MOST_RULES)] | None = None


class KeyShown(Shown):
    """A provider key, as it is written, too: what was read can be sent back."""

    id: str


class StepShown(Shown):
    """Where credentials come from."""

    type: str
    key_selection_strategy: str
    keys: list[KeyShown]


class RuleShown(Shown):
    """The steps for a provider, a model or both."""

    provider: str | None
    model: str | None
    steps: list[StepShown]


class RouterShown(Shown):
    """The rules."""

    rules: list[RuleShown]


def rules_of(router: RouterBody | None) -> tuple[Rule, ...]:
    """The rules that a caller wrote. Raises Invalid, with the place."""
    return tuple(_rule(each, f"rules[{at}]") for at, each in enumerate(router.rules or () if router else ()))


def _rule(body: RuleBody, place: str) -> Rule:
    if body.provider is None and body.model is None:
        raise Invalid(place, "needs a provider or a model")
    steps = tuple(_step(each, f"{place}.steps[{at}]") for at, each in enumerate(body.steps))
    with _at(place):
        return Rule(body.provider, body.model, steps)


def _step(body: StepBody, place: str) -> Step:
    if body.type == MANAGED and body.keys:
        raise Invalid(f"{place}.keys", "must be empty: a managed step uses the operator's keys")
    new = []
    for at, key in enumerate(body.keys):
        _check_key(key, f"{place}.keys[{at}]")
        if isinstance(key.value, str):
            name = key.name if isinstance(key.name, str) else ""
            new.append(NewKey(name, secret_of(key.value, f"{place}.keys[{at}].value"), at))
    ids = tuple(key.id for key in body.keys if isinstance(key.id, str))
    with _at(place):
        return Step(body.type, body.key_selection_strategy, ids, tuple(new))


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Puts the place before the field of what is wrong."""
    try:
        yield
    except Invalid as wrong:
        raise Invalid(f"{place}.{_NAMES.get(wrong.field, wrong.field)}", wrong.message) from None


def _check_key(key: KeyBody, place: str) -> None:
    if (key.id is UNSET) == (key.value is UNSET):
        raise Invalid(place, "must have either the id of a provider key or the value of a new one")
    if key.id is not UNSET and key.name is not UNSET:
        raise Invalid(f"{place}.name", "is for a new key: the one of this id has its own")


def check(rules: Sequence[Rule], known: Known, declared: Sequence[str]) -> None:
    """Whether rules name what there is. `declared` are ids of keys in the configuration. Raises Invalid."""
    for at, rule in enumerate(rules):
        _check_target(rule, f"rules[{at}]", known)
        for number, step in enumerate(rule.steps):
            _check_step(step, provider_of(rule), f"rules[{at}].steps[{number}]", known, declared)


def _check_target(rule: Rule, place: str, known: Known) -> None:
    prefix = prefix_of(rule.model or "")
    if rule.provider is not None:
        known.check(f"{place}.provider", rule.provider)
        # A model's own id may hold a colon; one that begins like another provider's is a mistake.
        if prefix != rule.provider and (prefix in known.shared or prefix in known.own):
            raise Invalid(f"{place}.model", f"is a model of {prefix}, and the rule is for {rule.provider}")
    elif prefix is not None:
        known.check(f"{place}.model", prefix)


def _check_step(step: Step, provider: str | None, place: str, known: Known, declared: Sequence[str]) -> None:
    if step.type == MANAGED and provider in known.own:
        raise Invalid(f"{place}.type", f"must be user: the operator has no keys for {provider}, which is yours")
    if step.new and provider is None:
        raise Invalid(f"{place}.keys", "a new key needs a rule that names its provider")
    for at, id in enumerate(step.keys):
        if id in declared:
            raise Invalid(f"{place}.keys[{at}].id", "is declared in the configuration: only kept keys can be named")


def shown(rules: Sequence[Rule]) -> RouterShown:
    """As a caller is told of them."""
    return RouterShown(
        rules=[
            RuleShown(provider=rule.provider, model=rule.model, steps=[_step_shown(step) for step in rule.steps])
            for rule in rules
        ]
    )


def _step_shown(step: Step) -> StepShown:
    keys = [KeyShown(id=id) for id in step.keys]
    return StepShown(type=step.type, key_selection_strategy=step.strategy, keys=keys)

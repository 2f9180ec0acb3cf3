"""What an account says of its things: one frozen spec per resource, valid from the moment it is made.

A spec that cannot be kept raises Invalid. Everything else about a thing (id, stamps, digests) is in `records`.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

import attrs

from aigw.records import MANAGED, ORDERED, USER
from aigw.secret import Secret
from aigw.settings.nouns import PROVIDER_ID, STRATEGIES
from aigw.store import checks
from aigw.store.errors import Invalid

PERIODS = ("day", "week", "month", "total")
# Keys that one configuration may name.
MOST_KEYS = 1000


@attrs.frozen(kw_only=True)
class Spec:
    """What every resource has."""

    name: str = ""
    description: str = ""
    metadata: str = ""

    def __attrs_post_init__(self) -> None:
        checks.text("name", self.name, checks.NAME)
        checks.text("description", self.description, checks.DESCRIPTION)
        checks.text("metadata", self.metadata, checks.METADATA)
        self.check()

    def check(self) -> None:
        """What the resource demands beyond that."""


@attrs.frozen(kw_only=True)
class AccountSpec(Spec):
    """An account. Its name is unique in the store."""

    def check(self) -> None:
        """It has a name."""
        checks.text("name", self.name, checks.NAME, empty=False)


@attrs.frozen
class Budget:
    """What may be spent in a period, in US dollars."""

    amount: Decimal
    period: str

    def __attrs_post_init__(self) -> None:
        checks.amount("budget.amount", self.amount)
        checks.one_of("budget.period", self.period, PERIODS)


@attrs.frozen(kw_only=True)
class AccessKeySpec(Spec):
    """An access key: what it may call, how much, until when. None is no limit of its own."""

    configuration_id: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_parallel: int | None = None
    budget: Budget | None = None
    expires_at: datetime | None = None

    def check(self) -> None:
        """Limits are whole numbers above zero."""
        checks.count("requests_per_minute", self.requests_per_minute)
        checks.count("tokens_per_minute", self.tokens_per_minute)
        checks.count("max_parallel", self.max_parallel)
        checks.moment("expires_at", self.expires_at)


@attrs.frozen(kw_only=True)
class ApiKeySpec(Spec):
    """An API key."""


@attrs.frozen(kw_only=True)
class ProviderKeySpec(Spec):
    """A provider key without its value, which is given apart. `provider_id` cannot be changed."""

    provider_id: str

    def check(self) -> None:
        """It is for a provider."""
        checks.provider_id("provider_id", self.provider_id)


@attrs.frozen
class Access:
    """What may be called. None allows all, an empty tuple nothing. Models are `provider:model` or `provider/model`."""

    providers: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None

    def __attrs_post_init__(self) -> None:
        for field, entries, check in (
            ("access.providers", self.providers, checks.provider_id),
            ("access.models", self.models, checks.scoped),
        ):
            if entries is not None:
                checks.few(field, entries)
                for at, entry in enumerate(entries):
                    check(f"{field}[{at}]", entry)


@attrs.frozen
class NewKey:
    """A provider key written within a step: it is made together with the configuration.

    `at` is its place among all keys of the step; None is behind those before it.
    """

    name: str
    value: Secret
    at: int | None = None


@attrs.frozen
class Step:
    """Where credentials come from: the account's own keys (`user`), in this order, or the operator's (`managed`).

    `keys` are ids of provider keys; `new` are made first and stand after them, or where they say. A kept step has no
    `new`. A step without keys means all that the account has for the provider.
    """

    type: str = USER
    strategy: str = ORDERED
    keys: tuple[str, ...] = ()
    new: tuple[NewKey, ...] = ()

    def __attrs_post_init__(self) -> None:
        checks.one_of("type", self.type, (USER, MANAGED))
        checks.one_of("strategy", self.strategy, STRATEGIES)
        checks.few("keys", self.keys)
        for at, key in enumerate(self.keys):
            checks.text(f"keys[{at}]", key, 64, empty=False)
        if len(set(self.keys)) < len(self.keys):
            raise Invalid("keys", "names the same key twice")
        if self.type == MANAGED and (self.keys or self.new):
            raise Invalid("keys", "a managed step has no keys of the account")


@attrs.frozen
class Rule:
    """The steps for a model (it wins) or a provider."""

    provider: str | None = None
    model: str | None = None
    steps: tuple[Step, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.provider is None and self.model is None:
            raise Invalid("rule", "needs a provider or a model")
        if self.provider is not None:
            checks.provider_id("provider", self.provider)
        if self.model is not None:
            checks.model("model", self.model)
        checks.few("steps", self.steps)


def provider_of(rule: Rule) -> str | None:
    """The provider that a rule is for: named, or before the colon of its model."""
    return rule.provider or prefix_of(rule.model or "")


def prefix_of(model: str) -> str | None:
    """The provider before the colon of a model's name, if there is one."""
    found = re.match(rf"({PROVIDER_ID}):.", model)
    return found[1] if found else None


@attrs.frozen(kw_only=True)
class ConfigurationSpec(Spec):
    """An access key configuration: access lists and routing rules."""

    access: Access = Access()
    rules: tuple[Rule, ...] = ()

    def check(self) -> None:
        """No two rules are for the same."""
        checks.few("rules", self.rules)
        targets = [(rule.provider, (rule.model or "").casefold()) for rule in self.rules]
        if len(set(targets)) < len(targets):
            raise Invalid("rules", "has two rules for the same provider and model")


@attrs.frozen
class Surface:
    """An API that a custom provider serves. `parameters` are those its models take; None: not known."""

    format: str
    surface: str
    parameters: tuple[str, ...] | None = None

    def __attrs_post_init__(self) -> None:
        checks.text("surfaces.format", self.format, 64, empty=False)
        checks.text("surfaces.surface", self.surface, 64, empty=False)
        for each in self.parameters or ():
            checks.text("surfaces.parameters", each, 255, empty=False)


@attrs.frozen
class Model:
    """A model of a custom provider. The store gives the id, the same one as long as the model stays in the list."""

    model_id: str
    id: str = ""

    def __attrs_post_init__(self) -> None:
        checks.model("models.model_id", self.model_id)


@attrs.frozen(kw_only=True)
class ProviderSpec(Spec):
    """A custom provider. `provider_id` is unique in the account and cannot be changed.

    `preset` names the template of its dialect; None is the one called like its id, else none in particular.
    """

    provider_id: str
    base_url: str
    preset: str | None = None
    surfaces: tuple[Surface, ...] = ()
    models: tuple[Model, ...] = ()

    def check(self) -> None:
        """Ids are ids, no model stands twice. Which URLs are allowed is the control API's to say."""
        checks.provider_id("provider_id", self.provider_id)
        checks.text("base_url", self.base_url, checks.URL, empty=False)
        if self.preset is not None:
            checks.text("preset", self.preset, checks.PRESET, empty=False)
        checks.few("surfaces", self.surfaces)
        checks.few("models", self.models)
        ids = [each.model_id.casefold() for each in self.models]
        if len(set(ids)) < len(ids):
            raise Invalid("models", "names the same model twice")


@attrs.frozen(kw_only=True)
class AliasSpec(Spec):
    """Another name for a model: `alias`, unique in the account whatever its case, for `target`."""

    alias: str
    target: str

    def check(self) -> None:
        """Both are models' ids, and not the same one."""
        checks.model("alias", self.alias)
        checks.model("target", self.target)
        if self.alias.casefold() == self.target.casefold():
            raise Invalid("target", "is the alias itself")


@attrs.frozen(kw_only=True)
class GatewayConfigSpec(Spec):
    """An account's settings: durations in seconds, sizes in tokens. None leaves the gateway's own."""

    per_request_timeout: float | None = None
    total_timeout: float | None = None
    connect_timeout: float | None = None
    stream_idle_timeout: float | None = None
    stream_total_timeout: float | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None

    def check(self) -> None:
        """Durations and sizes are above zero."""
        for name in ("per_request", "total", "connect", "stream_idle", "stream_total"):
            checks.seconds(f"{name}_timeout", getattr(self, f"{name}_timeout"))
        checks.count("max_input_tokens", self.max_input_tokens)
        checks.count("max_output_tokens", self.max_output_tokens)

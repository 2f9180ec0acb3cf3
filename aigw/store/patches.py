"""Changes to specs: what is left out stays (KEEP), None clears, anything else replaces. Ids are in none of them."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Final, TypeVar

import attrs

from aigw.store.errors import Invalid
from aigw.store.specs import Access, Budget, Model, Rule, Spec, Surface

S = TypeVar("S", bound=Spec)


class Keep(enum.Enum):
    """The type of KEEP."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


@attrs.frozen(kw_only=True)
class Patch:
    """A change of what every resource has."""

    name: str | Keep | None = KEEP
    description: str | Keep | None = KEEP
    metadata: str | Keep | None = KEEP

    def applied(self, spec: S) -> S:
        """The spec after the change. Raises Invalid, also for a field that cannot be cleared."""
        changes = {field.name: getattr(self, field.name) for field in attrs.fields(type(self))}
        defaults = {field.name: field.default for field in attrs.fields(type(spec))}
        for name, value in changes.items():
            if value is None and defaults[name] is attrs.NOTHING:
                raise Invalid(name, "cannot be cleared")
        return attrs.evolve(
            spec,
            **{
                name: defaults[name] if value is None else value for name, value in changes.items() if value is not KEEP
            },
        )


@attrs.frozen(kw_only=True)
class AccessKeyPatch(Patch):
    """A change of an access key."""

    configuration_id: str | Keep | None = KEEP
    requests_per_minute: int | Keep | None = KEEP
    tokens_per_minute: int | Keep | None = KEEP
    max_parallel: int | Keep | None = KEEP
    budget: Budget | Keep | None = KEEP
    expires_at: datetime | Keep | None = KEEP


@attrs.frozen(kw_only=True)
class ConfigurationPatch(Patch):
    """A change of an access key configuration. The rules are replaced as a whole."""

    access: Access | Keep | None = KEEP
    rules: tuple[Rule, ...] | Keep | None = KEEP


@attrs.frozen(kw_only=True)
class ProviderPatch(Patch):
    """A change of a custom provider. Surfaces and models are replaced as a whole."""

    base_url: str | Keep | None = KEEP
    preset: str | Keep | None = KEEP
    surfaces: tuple[Surface, ...] | Keep | None = KEEP
    models: tuple[Model, ...] | Keep | None = KEEP


@attrs.frozen(kw_only=True)
class AliasPatch(Patch):
    """A change of an alias."""

    alias: str | Keep | None = KEEP
    target: str | Keep | None = KEEP


@attrs.frozen(kw_only=True)
class GatewayConfigPatch(Patch):
    """A change of an account's settings."""

    per_request_timeout: float | Keep | None = KEEP
    total_timeout: float | Keep | None = KEEP
    connect_timeout: float | Keep | None = KEEP
    stream_idle_timeout: float | Keep | None = KEEP
    stream_total_timeout: float | Keep | None = KEEP
    max_input_tokens: int | Keep | None = KEEP
    max_output_tokens: int | Keep | None = KEEP

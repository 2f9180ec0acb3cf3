"""Access key configurations: what they name is looked up in their account, and noted for whoever wants to delete it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from aigw.store import checks, ids, schema
from aigw.store.changes import Changes, Writing
from aigw.store.errors import Invalid
from aigw.store.keys import ProviderKeyRows
from aigw.store.patches import ConfigurationPatch
from aigw.store.records import ConfigurationRecord, Record
from aigw.store.resource import Rows, first_ids
from aigw.store.specs import MOST_KEYS, ConfigurationSpec, ProviderKeySpec, Rule, Step, provider_of


class ConfigurationRows(Rows[ConfigurationRecord, ConfigurationSpec, ConfigurationPatch]):
    """Access key configurations."""

    what = "access key configuration"
    prefix = ids.CONFIGURATION
    table = schema.configurations
    record_type = Record
    spec_type = ConfigurationSpec

    def __init__(self, changes: Changes, provider_keys: ProviderKeyRows) -> None:
        super().__init__(changes)
        self._provider_keys = provider_keys

    async def accept(
        self, writing: Writing, account: str, spec: ConfigurationSpec, before: ConfigurationRecord | None
    ) -> ConfigurationSpec:
        """New keys are made, and every key it names is one of the account, for the provider of its rule."""
        named = {key for key, _, _ in _keys(spec.rules)}
        # Before any is made: everybody else's changes wait meanwhile.
        number = len(named) + sum(len(step.new) for rule in spec.rules for step in rule.steps)
        if number > MOST_KEYS:
            raise Invalid("rules", f"name {number} keys, {MOST_KEYS} at most")
        rules = [await self._with_keys(writing, account, rule, at) for at, rule in enumerate(spec.rules)]
        spec = attrs.evolve(spec, rules=tuple(rules))
        named = {key for key, _, _ in _keys(spec.rules)}
        providers = await self._providers_of(writing.connection, account, named)
        for key, place, provider in _keys(spec.rules):
            if key not in providers:
                raise Invalid(place, "names no provider key of this account")
            if provider not in (None, providers[key]):
                raise Invalid(place, f"is a key for {providers[key]}, not for {provider}")
        return spec

    async def _with_keys(self, writing: Writing, account: str, rule: Rule, at: int) -> Rule:
        steps: list[Step] = []
        for number, step in enumerate(rule.steps):
            keys = list(step.keys)
            for new in step.new:
                provider = provider_of(rule)
                if provider is None:
                    raise Invalid(f"rules[{at}].steps[{number}].new", "a new key needs a rule that names its provider")
                spec = ProviderKeySpec(name=new.name, provider_id=provider)
                made = await self._provider_keys.made(writing, account, spec, new.value)
                keys.insert(len(keys) if new.at is None else new.at, made.id)
            steps.append(attrs.evolve(step, keys=tuple(keys), new=()))
        return attrs.evolve(rule, steps=tuple(steps))

    async def _providers_of(self, connection: AsyncConnection, account: str, keys: set[str]) -> Mapping[str, str]:
        if not keys:
            return {}
        columns = schema.provider_keys.c
        query = sa.select(columns.id, columns.provider_id).where(columns.account_id == account, columns.id.in_(keys))
        return {row.id: row.provider_id for row in await connection.execute(query)}

    async def kept(self, writing: Writing, record: ConfigurationRecord) -> None:
        """Note which keys and providers it names."""
        named = {
            schema.configuration_keys: {key for key, _, _ in _keys(record.spec.rules)},
            schema.configuration_providers: set(providers_in(record.spec)),
        }
        here = {"account_id": record.account_id, "configuration_id": record.id}
        for table, names in named.items():
            where = (table.c.account_id == record.account_id, table.c.configuration_id == record.id)
            await writing.connection.execute(sa.delete(table).where(*where))
            column = list(table.c)[-1].name
            if names:
                rows = [{**here, column: name} for name in sorted(names)]
                await writing.connection.execute(sa.insert(table), rows)

    async def references(self, connection: AsyncConnection, record: ConfigurationRecord) -> Sequence[str]:
        """The access keys that use it."""
        columns = schema.access_keys.c
        where = (columns.account_id == record.account_id, columns.configuration_id == record.id)
        return await first_ids(connection, columns.id, *where)


def providers_in(spec: ConfigurationSpec) -> Iterator[str]:
    """Every provider that a configuration names."""
    yield from spec.access.providers or ()
    for at, model in enumerate(spec.access.models or ()):
        yield checks.scoped(f"access.models[{at}]", model)
    for rule in spec.rules:
        if (provider := provider_of(rule)) is not None:
            yield provider


def _keys(rules: Sequence[Rule]) -> Iterator[tuple[str, str, str | None]]:
    """Each key that rules name: its id, the place, the provider it has to be for."""
    for at, rule in enumerate(rules):
        for number, step in enumerate(rule.steps):
            for index, key in enumerate(step.keys):
                yield key, f"rules[{at}].steps[{number}].keys[{index}]", provider_of(rule)

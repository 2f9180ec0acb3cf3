"""What a store holds, written down without one: accounts and their things, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aigw import adapter, operations
from aigw.compose import snapshot_of
from aigw.records import AccessKey
from aigw.registry import load_builtin
from aigw.routing.plan import plan
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, ProviderSettings, Settings
from aigw.snapshot import Account, Snapshot, digest
from aigw.store.records import DEFAULT_NAME, OPERATOR_ACCOUNT, ProviderKeyRecord, Record, TokenRecord, Whole
from aigw.store.specs import (
    Access,
    AccessKeySpec,
    AccountSpec,
    AliasSpec,
    ConfigurationSpec,
    GatewayConfigSpec,
    Model,
    ProviderKeySpec,
    ProviderSpec,
    Rule,
    Step,
    Surface,
)

PEPPER = b"holding" * 4
DEFAULT = "acct_0000"
# Built-in providers with a model of each that the catalog knows.
FIRST, SECOND = sorted(id for id, each in load_builtin().items() if adapter.CHAT_COMPLETIONS in each.surfaces)[:2]
TOKEN = "aigw-team-token-0123456789"
FILE_TOKEN = "aigw-file-token-0123456789"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Holding:
    """Makes things one after another; each method gives the id of what it made."""

    def __init__(self) -> None:
        self._made = 0
        self.unreadable: list[str] = []
        self.values: dict[str, Secret] = {}
        self.gateway_configs: dict[str, GatewayConfigSpec] = {}
        self._things: dict[str, list[Any]] = {}
        self._keep("accounts", Record(id=DEFAULT, spec=AccountSpec(name=DEFAULT_NAME), **self._stamps(DEFAULT)))
        self._keep(
            "accounts",
            Record(id=OPERATOR_ACCOUNT, spec=AccountSpec(name="operator"), **self._stamps(OPERATOR_ACCOUNT)),
        )

    def account(self, name: str) -> str:
        """An account."""
        id = self._id("acct")
        return self._keep("accounts", Record(id=id, spec=AccountSpec(name=name), **self._stamps(id)))

    def provider_key(self, account: str, provider: str, value: str | None) -> str:
        """A provider key; one without a value cannot be opened."""
        id = self._id("aigpk")
        if value is None:
            self.unreadable.append(id)
        else:
            self.values[id] = Secret(value)
        spec = ProviderKeySpec(name=id, provider_id=provider)
        return self._keep("provider_keys", ProviderKeyRecord(id=id, spec=spec, redacted="", **self._stamps(account)))

    def provider(
        self,
        account: str,
        provider_id: str,
        base_url: str = "https://own.example/v1",
        *,
        surfaces: Sequence[str] = ("chat-completions",),
        models: Sequence[str] = (),
        parameters: Mapping[str, tuple[str, ...]] | None = None,
        preset: str | None = None,
    ) -> str:
        """A custom provider."""
        known = parameters or {}
        spec = ProviderSpec(
            provider_id=provider_id,
            base_url=base_url,
            surfaces=tuple(Surface("openai", each, known.get(each)) for each in surfaces),
            models=tuple(Model(each) for each in models),
            preset=preset,
        )
        return self._keep("providers", Record(id=self._id("aigp"), spec=spec, **self._stamps(account)))

    def configuration(self, account: str, *rules: Rule, access: Access | None = None) -> str:
        """An access key configuration."""
        spec = ConfigurationSpec(name="configuration", access=access or Access(), rules=rules)
        return self._keep("configurations", Record(id=self._id("aigac"), spec=spec, **self._stamps(account)))

    def access_key(self, account: str, token: str, configuration: str | None = None, **spec: Any) -> str:
        """An access key of that token."""
        made = AccessKeySpec(name=token[:20], configuration_id=configuration, **spec)
        kept = digest(token.encode(), PEPPER)
        record = TokenRecord(
            id=self._id("aigk"), spec=made, digest=kept, redacted=token[:4] + "***", **self._stamps(account)
        )
        return self._keep("access_keys", record)

    def alias(self, account: str, alias: str, target: str) -> str:
        """Another name for a model."""
        spec = AliasSpec(alias=alias, target=target)
        return self._keep("aliases", Record(id=self._id("aiga"), spec=spec, **self._stamps(account)))

    def gateway_config(self, account: str, **spec: Any) -> None:
        """An account's settings."""
        self.gateway_configs[account] = GatewayConfigSpec(**spec)

    def whole(self, epoch: int = 1) -> Whole:
        """All of it, newest first as a store gives it."""
        newest = {kind: tuple(reversed(things)) for kind, things in self._things.items()}
        kinds = ("accounts", "access_keys", "configurations", "provider_keys", "providers", "aliases")
        return Whole(
            epoch=epoch,
            pepper=PEPPER,
            values=dict(self.values),
            unreadable=tuple(self.unreadable),
            gateway_configs=dict(self.gateway_configs),
            **{kind: newest.get(kind, ()) for kind in kinds},
        )

    def _id(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}_{self._made:04d}"

    def _keep(self, kind: str, record: Any) -> str:
        self._things.setdefault(kind, []).append(record)
        id: str = record.id
        return id

    def _stamps(self, account: str) -> Mapping[str, Any]:
        now = START + timedelta(seconds=self._made)
        return {
            "account_id": account,
            "created_at": now,
            "updated_at": now,
            "created_by": "system",
            "last_updated_by": "system",
            "revision": 1,
        }


def user(*keys: str, strategy: str = "ordered") -> Step:
    """A step of the account's own keys."""
    return Step("user", strategy, keys)


MANAGED = Step("managed")


def declared(id: str, **differing: Any) -> ProviderSettings:
    """A provider in the file."""
    keys: dict[str, Any] = {name: tuple(map(Secret, differing.pop(name, ()))) for name in ("keys", "managed_keys")}
    if id not in load_builtin():
        differing = {"base_url": "http://127.0.0.1:1/v1", "surfaces": ("chat-completions",), **differing}
    return ProviderSettings(id, **keys, **differing)


def served(holding: Holding, *providers: ProviderSettings, **sections: Any) -> Snapshot:
    """The snapshot of a store, and of a file with these."""
    access_keys = (AccessKeySettings(name="app", key=Secret(FILE_TOKEN)),)
    return snapshot_of(
        Settings(providers=providers, access_keys=access_keys, **sections), whole=holding.whole(7), epoch=3
    )


def secrets(account: Account, provider: str) -> list[str]:
    """The provider's keys in the order they are tried."""
    return [key.secret.reveal() for key in account.keys_of(provider)]


def known(snapshot: Snapshot, token: str = TOKEN) -> AccessKey:
    """The access key of a token."""
    found = snapshot.access_key(token.encode())
    assert found is not None
    return found


def asked(snapshot: Snapshot, *models: str, token: str = TOKEN) -> list[str]:
    """The candidates of a request: provider, model and secret."""
    key = known(snapshot, token)
    found = plan(operations.CHAT, models[0], models[1:], key, snapshot.account(key.account))
    secret = [each.key.secret.reveal() if each.key else "-" for each in found.candidates]
    return [f"{each.provider.id}:{each.model} {by}" for each, by in zip(found.candidates, secret, strict=True)]

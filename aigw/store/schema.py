"""The tables. A change here needs a migration beside it: a test compares the two.

What belongs to an account refers to other things by their id and its account, so that the database itself keeps
accounts apart.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from aigw.store import checks
from aigw.store.columns import Instant, Money, Shaped, id_type
from aigw.store.specs import Access, Model, Rule, Surface

Json = dict[str, Any]

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _common() -> list[sa.Column[Any]]:
    return [
        sa.Column("name", sa.String(checks.NAME), nullable=False),
        sa.Column("description", sa.String(checks.DESCRIPTION), nullable=False),
        sa.Column("metadata", sa.String(checks.METADATA), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("last_updated_by", sa.String(255), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    ]


def _of_account(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(
        name,
        METADATA,
        sa.Column("id", id_type(), primary_key=True),
        sa.Column("account_id", id_type(), sa.ForeignKey("accounts.id"), nullable=False),
        *_common(),
        *columns,
        sa.UniqueConstraint("account_id", "id"),
    )


def _listed(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    """Things of which an account has many: they are found by their names."""
    return _of_account(name, *columns, sa.Index(f"ix_{name}_name", "account_id", "name", "id"))


def _token() -> list[sa.Column[Any]]:
    return [
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("redacted", sa.String(32), nullable=False),
        sa.Column("last_used", Instant),
    ]


accounts = sa.Table("accounts", METADATA, sa.Column("id", id_type(), primary_key=True), *_common())
sa.Index("uq_accounts_name", accounts.c.name, unique=True)

configurations = _listed(
    "access_key_configurations",
    sa.Column("access", Shaped(Access), nullable=False),
    sa.Column("rules", Shaped(tuple[Rule, ...]), nullable=False),
)

access_keys = _listed(
    "access_keys",
    *_token(),
    sa.Column("configuration_id", id_type()),
    sa.Column("requests_per_minute", sa.BigInteger),
    sa.Column("tokens_per_minute", sa.BigInteger),
    sa.Column("max_parallel", sa.BigInteger),
    sa.Column("budget_amount", Money),
    sa.Column("budget_period", sa.String(16)),
    sa.Column("expires_at", Instant),
    sa.ForeignKeyConstraint(
        ["account_id", "configuration_id"],
        ["access_key_configurations.account_id", "access_key_configurations.id"],
        name="fk_access_keys_configuration",
    ),
    sa.Index("ix_access_keys_configuration", "account_id", "configuration_id"),
)

api_keys = _listed("api_keys", *_token(), sa.Column("role", sa.String(16), nullable=False))

provider_keys = _listed(
    "provider_keys",
    sa.Column("provider_id", id_type(63), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("redacted", sa.String(32), nullable=False),
    sa.Column("last_used", Instant),
    sa.Index("ix_provider_keys_provider", "account_id", "provider_id", "id"),
)

providers = _listed(
    "providers",
    sa.Column("provider_id", id_type(63), nullable=False),
    sa.Column("base_url", sa.String(checks.URL), nullable=False),
    sa.Column("preset", sa.String(checks.PRESET)),
    sa.Column("surfaces", Shaped(tuple[Surface, ...]), nullable=False),
    sa.Column("models", Shaped(tuple[Model, ...]), nullable=False),
    sa.UniqueConstraint("account_id", "provider_id"),
)

aliases = _listed(
    "model_aliases",
    sa.Column("alias", sa.String(checks.MODEL), nullable=False),
    sa.Column("folded", sa.String(3 * checks.MODEL), nullable=False),
    sa.Column("target", sa.String(checks.MODEL), nullable=False),
    sa.Column("provider_id", id_type(63)),
    sa.UniqueConstraint("account_id", "folded"),
)

gateway_configs = _of_account(
    "gateway_configs",
    *(
        sa.Column(f"{name}_timeout", sa.Float(53))
        for name in ("per_request", "total", "connect", "stream_idle", "stream_total")
    ),
    sa.Column("max_input_tokens", sa.BigInteger),
    sa.Column("max_output_tokens", sa.BigInteger),
)


def _named_by_configurations(table: str, column: sa.Column[Any], *more: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(
        table,
        METADATA,
        sa.Column("account_id", id_type(), primary_key=True),
        sa.Column("configuration_id", id_type(), primary_key=True),
        column,
        sa.ForeignKeyConstraint(
            ["account_id", "configuration_id"],
            ["access_key_configurations.account_id", "access_key_configurations.id"],
            name=f"fk_{table}_configuration",
            ondelete="CASCADE",
        ),
        *more,
        sa.Index(f"ix_{table}_named", "account_id", column.name),
    )


# Which provider keys and providers a configuration names.
configuration_keys = _named_by_configurations(
    "configuration_keys",
    sa.Column("provider_key_id", id_type(), primary_key=True),
    sa.ForeignKeyConstraint(
        ["account_id", "provider_key_id"],
        ["provider_keys.account_id", "provider_keys.id"],
        name="fk_configuration_keys_provider_key",
    ),
)
configuration_providers = _named_by_configurations(
    "configuration_providers", sa.Column("provider_id", id_type(63), primary_key=True)
)

# No reference to the account: what was done outlives whom it was done to.
audit = sa.Table(
    "audit",
    METADATA,
    sa.Column("id", id_type(), primary_key=True),
    sa.Column("account_id", id_type(), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("request_id", sa.String(255), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("resource", sa.String(64), nullable=False),
    sa.Column("resource_id", id_type(), nullable=False),
    sa.Column("before", Shaped(Json)),
    sa.Column("after", Shaped(Json)),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Index("ix_audit_account", "account_id", "id"),
    sa.Index("ix_audit_resource", "account_id", "resource_id", "id"),
)

# One row. Every change begins by raising it, and so waits for the change before it.
epochs = sa.Table(
    "epochs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
)

# Workers and the epoch they serve. `seen` is the database's own clock, in seconds.
workers = sa.Table(
    "workers",
    METADATA,
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("seen", sa.Float(53), nullable=False),
)

# Secrets of the store's own, by name: the pepper of the digests.
house_secrets = sa.Table(
    "house_secrets",
    METADATA,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_CONFIGURATION = ["access_key_configurations.account_id", "access_key_configurations.id"]
_OWN_CONFIGURATION = ["account_id", "configuration_id"]


def upgrade() -> None:
    """Make them all."""
    op.create_table(
        "accounts", _id("id", nullable=False), *_common(), sa.PrimaryKeyConstraint("id", name="pk_accounts")
    )
    op.create_index("uq_accounts_name", "accounts", ["name"], unique=True)
    _configurations()
    _keys()
    _provider_keys()
    _providers()
    _gateway_configs()
    _named_by_configurations()
    _audit()
    _house()


def _configurations() -> None:
    _of_account(
        "access_key_configurations",
        sa.Column("access", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
    )


def _keys() -> None:
    _of_account(
        "access_keys",
        *_token("access_keys"),
        _id("configuration_id"),
        sa.Column("requests_per_minute", sa.BigInteger()),
        sa.Column("tokens_per_minute", sa.BigInteger()),
        sa.Column("max_parallel", sa.BigInteger()),
        sa.Column("budget_amount", sa.Numeric().with_variant(sa.Text(), "sqlite")),
        sa.Column("budget_period", sa.String(16)),
        sa.Column("expires_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(_OWN_CONFIGURATION, _CONFIGURATION, name="fk_access_keys_configuration"),
    )
    op.create_index("ix_access_keys_configuration", "access_keys", _OWN_CONFIGURATION)
    _of_account("api_keys", *_token("api_keys"), sa.Column("role", sa.String(16), nullable=False))


def _provider_keys() -> None:
    _of_account(
        "provider_keys",
        _id("provider_id", 63, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("redacted", sa.String(32), nullable=False),
        sa.Column("last_used", sa.BigInteger()),
    )
    op.create_index("ix_provider_keys_provider", "provider_keys", ["account_id", "provider_id", "id"])


def _providers() -> None:
    _of_account(
        "providers",
        _id("provider_id", 63, nullable=False),
        sa.Column("base_url", sa.String(2048), nullable=False),
        sa.Column("surfaces", sa.Text(), nullable=False),
        sa.Column("models", sa.Text(), nullable=False),
        sa.UniqueConstraint("account_id", "provider_id", name="uq_providers_account_id_provider_id"),
    )
    _of_account(
        "model_aliases",
        sa.Column("alias", sa.String(512), nullable=False),
        sa.Column("folded", sa.String(1536), nullable=False),
        sa.Column("target", sa.String(512), nullable=False),
        _id("provider_id", 63),
        sa.UniqueConstraint("account_id", "folded", name="uq_model_aliases_account_id_folded"),
    )


def _gateway_configs() -> None:
    _of_account(
        "gateway_configs",
        sa.Column("per_request_timeout", sa.Float(53)),
        sa.Column("total_timeout", sa.Float(53)),
        sa.Column("connect_timeout", sa.Float(53)),
        sa.Column("stream_idle_timeout", sa.Float(53)),
        sa.Column("stream_total_timeout", sa.Float(53)),
        sa.Column("max_input_tokens", sa.BigInteger()),
        sa.Column("max_output_tokens", sa.BigInteger()),
    )


def _named_by_configurations() -> None:
    for table, column, length in (
        ("configuration_keys", "provider_key_id", 40),
        ("configuration_providers", "provider_id", 63),
    ):
        to_key = (["account_id", column], ["provider_keys.account_id", "provider_keys.id"])
        name = "fk_configuration_keys_provider_key"
        op.create_table(
            table,
            _id("account_id", nullable=False),
            _id("configuration_id", nullable=False),
            _id(column, length, nullable=False),
            sa.PrimaryKeyConstraint(*_OWN_CONFIGURATION, column, name=f"pk_{table}"),
            sa.ForeignKeyConstraint(
                _OWN_CONFIGURATION, _CONFIGURATION, name=f"fk_{table}_configuration", ondelete="CASCADE"
            ),
            *([sa.ForeignKeyConstraint(*to_key, name=name)] if table == "configuration_keys" else []),
        )
        op.create_index(f"ix_{table}_named", table, ["account_id", column])


def _audit() -> None:
    op.create_table(
        "audit",
        _id("id", nullable=False),
        _id("account_id", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("request_id", sa.String(255), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("resource", sa.String(64), nullable=False),
        _id("resource_id", nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_account", "audit", ["account_id", "id"])
    op.create_index("ix_audit_resource", "audit", ["account_id", "resource_id", "id"])


def _house() -> None:
    op.create_table(
        "epochs",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_epochs"),
    )
    op.execute("INSERT INTO epochs (id, epoch) VALUES (1, 0)")
    op.create_table(
        "workers",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "house_secrets",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_house_secrets"),
    )


# -- what many tables have --------------------------------------------------------------------------------------------


def _id(name: str, length: int = 40, *, nullable: bool = True) -> sa.Column[Any]:
    kind = sa.String(length, collation="C").with_variant(sa.String(length), "sqlite")
    return sa.Column(name, kind, nullable=nullable)


def _common() -> list[sa.Column[Any]]:
    return [
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.Column("metadata", sa.String(4096), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("last_updated_by", sa.String(255), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    ]


def _token(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("redacted", sa.String(32), nullable=False),
        sa.Column("last_used", sa.BigInteger()),
        sa.UniqueConstraint("digest", name=f"uq_{table}_digest"),
    ]


def _of_account(table: str, *more: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        _id("id", nullable=False),
        _id("account_id", nullable=False),
        *_common(),
        *more,
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=f"fk_{table}_account_id_accounts"),
        sa.UniqueConstraint("account_id", "id", name=f"uq_{table}_account_id_id"),
    )

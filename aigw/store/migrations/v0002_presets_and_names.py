"""Custom providers know the preset that they were made from; things are found by their names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NAMED = ("access_key_configurations", "access_keys", "api_keys", "provider_keys", "providers", "model_aliases")


def upgrade() -> None:
    """Providers that are there were made from no preset."""
    op.add_column("providers", sa.Column("preset", sa.String(64)))
    for table in _NAMED:
        op.create_index(f"ix_{table}_name", table, ["account_id", "name", "id"])

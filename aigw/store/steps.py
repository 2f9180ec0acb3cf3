"""Which steps lead from one version of the tables to the next: Alembic runs them. Imported when there is one to run."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from aigw.store.migrating import FOLDER


def directory() -> ScriptDirectory:
    """The steps as Alembic finds them."""
    config = Config()
    # Alembic reads % in an option as the beginning of a reference.
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("version_locations", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return ScriptDirectory.from_config(config)


def run(connection: sa.Connection) -> None:
    """All steps from the version that is noted to the newest, in the transaction of this connection."""
    steps = directory()

    def upgrades(revision: Any, _: Any) -> Any:
        return steps._upgrade_revs("head", revision)

    context = MigrationContext.configure(connection, opts={"fn": upgrades, "transactional_ddl": True})
    with Operations.context(context):
        context.run_migrations()

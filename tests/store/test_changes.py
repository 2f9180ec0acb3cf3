"""What was committed stays, whenever the process ends; each change leaves its audit."""

from __future__ import annotations

import subprocess
import sys

import attrs

from aigw.secret import Secret
from aigw.store.opening import Location
from aigw.store.records import OPERATOR_ACCOUNT, Actor
from aigw.store.sql import SqlStore

from .conftest import SECRET_KEY, Open
from .things import CUSTOM, ME, ROTATED, VALUE, one_of_each

_WRITE = """
import asyncio, sys
from pathlib import Path
from aigw.secret import Secret
from aigw.store.opening import Location, opened
from aigw.store.records import Actor
from aigw.store.specs import AccessKeySpec
async def run():
    store = await opened(Location(sys.argv[1], Path(sys.argv[2]), Secret(sys.argv[3])))
    account = (await store.accounts.named("default")).id
    while True:
        change = await store.access_keys.create(account, AccessKeySpec(), Actor("writer"))
        print(change.record.id, change.epoch, flush=True)
asyncio.run(run())
"""


async def test_a_kill_keeps_what_was_committed(location: Location, open_at: Open) -> None:
    """Processes that are killed while they write lose no change they were told of, and leave none half made."""
    command = [sys.executable, "-c", _WRITE, location.url, str(location.directory), SECRET_KEY.reveal()]
    told = [line for _ in range(2) for line in killed_midway(command)]
    store = await open_at(location)
    whole = await store.whole()
    complete = [line.split() for line in told if line.endswith("\n")]
    assert {id for id, _ in complete} <= {each.id for each in whole.access_keys}
    assert whole.epoch >= max(int(epoch) for _, epoch in complete)
    # A key, its audit and its epoch are one: what began the store is the first epoch.
    created = [each for each in await store.audit.everywhere() if each.resource == "access key"]
    assert len(created) == len(whole.access_keys) == whole.epoch - 1


def killed_midway(command: list[str]) -> list[str]:
    """What a process says that is killed after its twentieth line."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = [process.stdout.readline() for _ in range(20)]
        process.kill()
        return told + process.stdout.readlines()


async def test_every_change_is_audited(store: SqlStore, account: str) -> None:
    """Who did what to which thing, before and after, with the epoch; a rotation too; no secret is in any row."""
    made = await one_of_each(store, account)
    await store.provider_keys.rotate(account, made.provider_key, ROTATED, Actor("aiak_other", "req_2"))
    await store.access_keys.delete(account, made.access_key, ME)
    rows = await store.audit.list(account)
    assert [each.action for each in rows[:2]] == ["delete", "rotate"]
    assert (rows[1].actor, rows[1].request_id, rows[1].resource_id) == ("aiak_other", "req_2", made.provider_key)
    assert rows[0].after is None
    assert rows[0].before
    assert rows[0].before["requests_per_minute"] == 60
    # What makes the accounts is of one epoch, and so are a configuration and the keys written in it.
    assert [each.epoch for each in rows] == sorted((each.epoch for each in rows), reverse=True)
    assert {each.resource for each in rows} == {
        *("provider", "provider key", "access key configuration", "access key"),
        *("API key", "model alias", "gateway config", "account"),
    }
    hidden = attrs.evolve(CUSTOM, provider_id="p", base_url="https://api.example/v1?api-key=sk-in-the-address")
    await store.providers.create(account, hidden, ME)
    texts = repr(await store.audit.everywhere())
    assert not any(secret.reveal() in texts for secret in (*made.secrets, VALUE, ROTATED, Secret("sk-in-the-address")))
    assert OPERATOR_ACCOUNT in {each.account_id for each in await store.audit.everywhere()}

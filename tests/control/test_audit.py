"""Who changed what."""

from __future__ import annotations

from .conftest import Live


async def test_every_change_is_a_row(live: Live) -> None:
    """A row says who, what, and how it was before and after, in the API's spelling; newest first."""
    made = await live.made("/access-keys", {"name": "app", "maxParallel": 2})
    await live.ask("PATCH", made["uri"], {"maxParallel": 3})
    await live.ask("DELETE", made["uri"])
    heard = await live.ask("GET", f"/audit?resourceId={made['id']}")
    rows = heard.told["audit"]
    assert [each["action"] for each in rows] == ["delete", "update", "create"]
    assert {(each["resource"], each["resourceId"]) for each in rows} == {("access key", made["id"])}
    assert {each["actor"] for each in rows} == {made["createdBy"]["id"]}
    assert (rows[1]["before"]["maxParallel"], rows[1]["after"]["maxParallel"]) == (2, 3)
    assert (rows[0]["after"], rows[2]["before"]) == (None, None)
    epochs = [each["epoch"] for each in rows]
    assert epochs == sorted(epochs, reverse=True)


async def test_pages(live: Live) -> None:
    """A page names the next one with all that was asked for."""
    for _ in range(3):
        await live.made("/access-keys", {})
    found = []
    uri = "/audit?everywhere=true&limit=2"
    while uri:
        page = (await live.ask("GET", uri)).told
        found += [each["id"] for each in page["audit"]]
        uri = page["nextPageUri"]
        assert uri is None or uri.startswith("/audit?everywhere=true&limit=2&beforeId=aiga_")
    assert found == sorted(set(found), reverse=True)
    assert len(found) > 3


async def test_each_account_has_its_own(live: Live) -> None:
    """Changes of other accounts are shown to operators who ask for all."""
    id, token = await live.account("team")
    await live.made("/access-keys", {})
    made = await live.made("/access-keys", {}, token=token)
    rows = (await live.ask("GET", "/audit", token=token)).told["audit"]
    assert {each["accountId"] for each in rows} == {id}
    assert rows[0]["resourceId"] == made["id"]
    both = await live.ask("GET", "/audit?everywhere=true&resourceId=x")
    assert (both.status, both.code) == (400, "invalidQuery")

"""What all resources do alike: every kind is made, shown, listed, changed and deleted; and accounts never meet."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.control.routes import ID, OPERATOR, Route
from aigw.control.table import routes
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Settings

from .conftest import Heard, Live, Serve

ROUTES = tuple(routes())
# Where things are made, with the body that the document shows.
COLLECTIONS = {each.path: each for each in ROUTES if each.method == "POST" and each.status == 201}
OF_ACCOUNTS = [path for path, route in COLLECTIONS.items() if route.role != OPERATOR]
STAMPS = {"id", "uri", "name", "createdAt", "updatedAt", "createdBy", "lastUpdatedBy", "revision", "source"}


def patch_of(path: str) -> Any:
    """A change as the document shows it."""
    return next(each.example for each in ROUTES if each.method == "PATCH" and each.path == f"{path}/{ID}")


def things(heard: Heard) -> list[Any]:
    """What is in a page."""
    [found] = [value for value in heard.told.values() if isinstance(value, list)]
    return list(found)


@pytest.mark.parametrize("path", COLLECTIONS)
async def test_the_life_of_a_thing(live: Live, path: str) -> None:
    """Made, shown, listed, changed, deleted: each answer has the same members, and names who did it."""
    heard = await live.ask("POST", path, COLLECTIONS[path].example)
    assert heard.status == 201, heard.body
    made = heard.told
    made.pop("token", None)
    assert made.keys() >= STAMPS
    assert made["uri"] == f"{path}/{made['id']}"
    assert made["createdBy"]["uri"] == f"/api-keys/{made['createdBy']['id']}"
    assert (await live.ask("GET", made["uri"])).told.keys() == made.keys()
    assert made["id"] in [each["id"] for each in things(await live.ask("GET", path))]
    assert (await live.ask("HEAD", made["uri"])).status == 200
    changed = await live.ask("PATCH", made["uri"], patch_of(path))
    assert changed.status == 200, changed.body
    assert (changed.told["revision"], changed.told["createdAt"]) == (2, made["createdAt"])
    for name in ("description", "metadata"):
        assert (await live.ask("PATCH", made["uri"], {name: "words"})).told[name] == "words"
        assert (await live.ask("PATCH", made["uri"], {name: None})).told[name] == ""
    assert (await live.ask("PATCH", made["uri"], {})).status == 200
    deleted = await live.ask("DELETE", made["uri"])
    assert (deleted.status, deleted.body) == (204, b"")
    for method in ("GET", "PATCH", "DELETE"):
        gone = await live.ask(method, made["uri"], {} if method == "PATCH" else None)
        assert (gone.status, gone.code) == (404, "notFound")


@pytest.mark.parametrize("path", COLLECTIONS)
async def test_found_by_name(live: Live, path: str) -> None:
    """`?name=` gives the things of exactly this name, in pages that keep it; the empty name is one, too."""
    body = dict(COLLECTIONS[path].example)
    unlike = {"/providers": "providerId", "/model-aliases": "alias"}
    for number, name in enumerate(["a & b", "a & b", "A & b", "other"]):
        if path == "/accounts":
            name = f"{name}{number or ''}"
        elif path in unlike:
            body[unlike[path]] = f"t{number}"
        await live.made(path, {**body, "name": name})
    found = await live.ask("GET", f"{path}?name=a%20%26%20b&limit=1")
    assert [each["name"] for each in things(found)] == ["a & b"]
    if path != "/accounts":
        assert found.told["nextPageUri"].startswith(f"{path}?name=a%20%26%20b&limit=1&beforeId=")
        found = await live.ask("GET", found.told["nextPageUri"])
        assert [each["name"] for each in things(found)] == ["a & b"]
        await live.ask("PATCH", things(found)[0]["uri"], {"name": None})
        found = await live.ask("GET", f"{path}?name=")
        assert {each["name"] for each in things(found)} == {""}
    assert found.told["nextPageUri"] is None
    assert things(await live.ask("GET", f"{path}?name=a")) == []
    if path in unlike:
        [one] = things(await live.ask("GET", f"{path}?{unlike[path]}=t3"))
        assert one["name"] == "other"
    for query in ("name=%00", f"name={'x' * 256}", "nam=x"):
        assert (await live.ask("GET", f"{path}?{query}")).status == 400


@pytest.mark.parametrize("path", COLLECTIONS)
async def test_what_is_no_thing(live: Live, path: str) -> None:
    """Ids that are none are not there, however odd they are."""
    for id in ("", "x", "%00", "%ff", "..", "{id}", "x" * 300, "a%2Fb", "'%20OR%201=1--"):
        assert (await live.ask("GET", f"{path}/{id}")).status == 404


@pytest.mark.parametrize("path", COLLECTIONS)
async def test_unknown_members_are_refused(live: Live, path: str) -> None:
    """A member that the API does not know is never passed over in silence, nor one that it gives itself."""
    example = COLLECTIONS[path].example
    for name in ("unknown", "id", "createdAt", "accountId", "revision", "role"):
        heard = await live.ask("POST", path, {**example, name: "x"})
        assert (heard.status, heard.told["details"]) == (400, {"field": name})


async def test_what_is_declared_is_found_by_name(serve: Serve) -> None:
    """A thing of the file is found like one of the store."""
    key = AccessKeySettings(name="from file", key=Secret("a-key-of-the-file-0123456789"))
    live = await serve(Settings(access_keys=(key,)))
    for name, sources in (("from%20file", ["file"]), ("from", [])):
        assert [each["source"] for each in things(await live.ask("GET", f"/access-keys?name={name}"))] == sources


async def test_one_account_never_meets_another(live: Live) -> None:
    """With another account's key every route acts as if nothing were there, and changes nothing."""
    mine, _ = await live.account("mine")
    _, theirs = await live.account("theirs")
    made = {path: await live.made(path, COLLECTIONS[path].example, aigw_account=mine) for path in OF_ACCOUNTS}
    before = await live.ask("GET", "/audit", aigw_account=mine)
    for route in ROUTES:
        path = route.path
        if ID in path:
            thing = made.get("/" + path.split("/")[1])
            if thing is None:
                continue
            path = path.replace(ID, thing["id"])
            heard = await live.ask(route.method, path, route.example, token=theirs)
            assert (heard.status, heard.code) == (404, "notFound"), (route.method, path)
        heard = await live.ask(route.method, path, route.example, token=theirs, aigw_account=mine)
        assert heard.status == (403 if route.role == OPERATOR else 404), (route.method, path)
        heard = await live.ask(route.method, path, route.example, token=theirs)
        assert not any(thing["id"].encode() in heard.body for thing in made.values()), (route.method, path)
    for path, thing in made.items():
        shown = await live.ask("GET", f"{path}/{thing['id']}", aigw_account=mine)
        assert shown.told["revision"] == 1
    assert (await live.ask("GET", "/audit", aigw_account=mine)).body == before.body


async def test_what_the_configuration_declares(serve: Serve) -> None:
    """It is listed beside what is kept, in order, and can be read and not changed."""
    declared = tuple(AccessKeySettings(name=f"app/{n}", key=Secret(f"a-declared-key-of-tests-{n}")) for n in range(3))
    live = await serve(Settings(access_keys=declared))
    made = [(await live.made("/access-keys", {}))["id"] for _ in range(3)]
    found: list[Any] = []
    uri = "/access-keys?limit=2"
    while uri:
        page = await live.ask("GET", uri)
        found += page.told["accessKeys"]
        uri = page.told["nextPageUri"]
    ids = [each["id"] for each in found]
    assert ids == sorted([*made, *(f"aigk_app/{n}" for n in range(3))], reverse=True)
    mine = found[ids.index("aigk_app/1")]
    assert (mine["source"], mine["uri"], mine["createdBy"]) == ("file", "/access-keys/aigk_app%2F1", None)
    assert (await live.ask("GET", mine["uri"])).told == mine
    for method, body in (("PATCH", {"name": "x"}), ("DELETE", None)):
        heard = await live.ask(method, mine["uri"], body)
        assert (heard.status, heard.code) == (409, "declaredInFile")
    id, _ = await live.account("another")
    assert (await live.ask("GET", "/access-keys", aigw_account=id)).told["accessKeys"] == []
    assert (await live.ask("GET", mine["uri"], aigw_account=id)).status == 404


@pytest.mark.parametrize("route", [each for each in ROUTES if each.body is not None], ids=lambda r: r.path)
def test_every_body_has_an_example(route: Route) -> None:
    """Whoever reads the document sees how a body is written."""
    assert route.example is not None

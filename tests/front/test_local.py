"""The models lists: what a key may call, in the shape its caller reads."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import attrs
import pytest

from aigw import adapter
from aigw.front import local
from aigw.front.local import listed
from aigw.records import AccessKey, Configuration, Scope, Step

from ..support.caller import HELLO, Answer, request
from ..support.gate import TOKEN, Gate, OpenGate
from ..support.snapshots import ANYBODY, KEYS, PROVIDERS, provider, scoped, snapshot

CHAT = frozenset({adapter.CHAT_COMPLETIONS})
ANTHROPIC = ("anthropic-version", "2023-06-01")


def ids(*, key: object = None, surfaces: frozenset[str] = CHAT, **details: object) -> list[str]:
    """What is listed, by id."""
    found = listed(snapshot(**details), key or ANYBODY, surfaces)  # type: ignore[arg-type]
    return [each.id for each in found]


def test_what_can_be_called_is_listed() -> None:
    """Models of providers with a key, or that need none; an id that means another provider's gets a prefix."""
    assert ids() == [
        "org/drum",
        "Llama3.2:1b",
        "lyre-2-mini",
        "Lyre-2",
        "maker:lyre-2-mini",
        "other:Lyre-2-mini",
    ]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (scoped(providers={"maker"}), ["Lyre-2", "maker:lyre-2-mini"]),
        (scoped(providers=set()), []),
        (scoped(models={("maker", "lyre-2"), ("maker", "lyre-2-mini")}), ["Lyre-2", "maker:lyre-2-mini"]),
        (scoped(models={("local", "llama3.2:1b")}), ["Llama3.2:1b"]),
        (scoped(providers={"host"}, models={("maker", "lyre-2")}), []),
    ],
)
def test_a_scope_bounds_the_list(key: object, expected: list[str]) -> None:
    """Nothing is listed that would be refused."""
    assert ids(key=key) == expected


def test_only_surfaces_that_are_of_use() -> None:
    """A model on none of the surfaces that a caller's requests can get to is not listed."""
    talker = attrs.evolve(PROVIDERS[4], models=("speech",))
    assert ids(surfaces=frozenset({adapter.MESSAGES}), providers=[talker], keys=KEYS) == ["speech"]
    assert ids(providers=[talker], keys=KEYS) == []


def test_without_a_key_nothing() -> None:
    """A provider that nobody has a key for is not listed."""
    assert ids(providers=[provider("maker")], keys={}) == []


def test_rules_bound_the_list() -> None:
    """A model is listed that the rules of the key's configuration leave a credential for."""
    nobody = {("maker", "lyre-2"): (Step("user", keys=("aigpk_none",)),)}
    key = attrs.evolve(ANYBODY, configuration=Configuration("aigac_1", "", Scope(), nobody))
    assert set(ids()) - set(ids(key=key)) == {"Lyre-2"}


MODELS = [f"m-{number:02}" for number in range(25)]


async def opened(gateway: OpenGate, **details: object) -> Gate:
    """A gateway whose one provider has 25 models."""
    return await gateway(providers={"up": {"keys": ["sk-up-0123456789"], "models": MODELS}}, **details)  # type: ignore[arg-type]


async def ask(gate: Gate, path: str, *fields: tuple[str, str], token: str | None = None) -> Answer:
    """One GET."""
    return await gate.ask(path=path, headers=fields, token=token)


async def test_openais_shape(gateway: OpenGate) -> None:
    """The whole list at once; ids are what a request may say."""
    gate = await opened(gateway)
    body = (await ask(gate, "/v1/models")).json
    assert body["object"] == "list"
    assert [entry["id"] for entry in body["data"]] == MODELS
    assert body["data"][0] == {"id": "m-00", "object": "model", "created": 0, "owned_by": "up"}
    for entry in ("m-07", "M-07", "up:m-07", "up%3Am-07"):
        assert (await ask(gate, f"/v1/models/{entry}")).json["id"] == "m-07"


@pytest.mark.parametrize(
    ("query", "expected", "more"),
    [
        ("", MODELS[:20], True),
        ("?limit=3", MODELS[:3], True),
        ("?limit=3&after_id=m-05", MODELS[6:9], True),
        ("?after_id=m-20", MODELS[21:], False),
        ("?after_id=m-24", [], False),
        ("?limit=3&before_id=m-05", MODELS[2:5], True),
        ("?before_id=m-02", MODELS[:2], False),
        ("?limit=1000", MODELS, False),
        ("?limit=0", MODELS[:20], True),
        ("?limit=nonsense&after_id=nobody", MODELS[:20], True),
        ("?limit=" + "9" * 5000, MODELS, False),
    ],
)
async def test_anthropics_shape(gateway: OpenGate, query: str, expected: list[str], more: bool) -> None:
    """Pages by `after_id` and `before_id`, when the request names a version of the API."""
    gate = await opened(gateway)
    body = (await ask(gate, "/v1/models" + query, ANTHROPIC)).json
    assert [entry["id"] for entry in body["data"]] == expected
    assert body["has_more"] is more
    assert (body["first_id"], body["last_id"]) == ((expected[0], expected[-1]) if expected else (None, None))
    assert all(entry["type"] == "model" and entry["display_name"] for entry in body["data"])


async def test_geminis_shape(gateway: OpenGate) -> None:
    """Pages by token; names under `models/`, which are what the path of a request says."""
    gate = await opened(gateway)
    names: list[str] = []
    token = ""
    while True:
        body = (await ask(gate, f"/v1beta/models?pageSize=10&pageToken={token}")).json
        names += [entry["name"] for entry in body["models"]]
        assert all("generateContent" in entry["supportedGenerationMethods"] for entry in body["models"])
        if "nextPageToken" not in body:
            break
        token = body["nextPageToken"]
    assert names == [f"models/{model}" for model in MODELS]
    assert (await ask(gate, "/v1beta/models/m-07")).json["name"] == "models/m-07"


async def test_every_page_of_a_long_list_comes(gateway: OpenGate) -> None:
    """However long the list is, its pages have an end."""
    models = [f"m-{number:04}" for number in range(1250)]
    gate = await gateway(providers={"up": {"keys": ["sk-up-0123456789"], "models": models}})
    last = (await ask(gate, "/v1beta/models?pageSize=1000&pageToken=1000")).json
    assert (len(last["models"]), "nextPageToken" in last) == (250, False)


async def test_googles_sdk_asks_under_v1_as_well(gateway: OpenGate) -> None:
    """Its header tells it from OpenAI's."""
    gate = await opened(gateway)
    caller = await gate.caller()
    caller.send(request(path="/v1/models?pageSize=1", headers=[("x-goog-api-key", TOKEN)]))
    assert [entry["name"] for entry in (await caller.answer()).json["models"]] == ["models/m-00"]


@pytest.mark.parametrize(
    ("path", "fields", "member"),
    [
        ("/v1/models/nothing", (), "error"),
        ("/v1/models/", (), "error"),
        ("/v1/models/%ff", (), "error"),
        ("/v1/models/nothing", (ANTHROPIC,), "request_id"),
        ("/v1beta/models/nothing", (), "error"),
    ],
)
async def test_an_unknown_model(gateway: OpenGate, path: str, fields: tuple[tuple[str, str], ...], member: str) -> None:
    """404 in the caller's format."""
    answer = await ask(await opened(gateway), path, *fields)
    assert (answer.status, answer.code) == (404, "unknown_model")
    assert member in answer.json


async def test_each_key_has_its_own_list(gateway: OpenGate) -> None:
    """What one key may call is not told to another; the lists are kept apart."""
    keys: list[dict[str, Any]] = [
        {"name": "all", "key": TOKEN},
        {"name": "one", "key": "aigw-tests-one-key-0123456789", "models": ("up:m-03",)},
        {"name": "none", "key": "aigw-tests-none-key-0123456789", "providers": ()},
    ]
    gate = await opened(gateway, access_keys=keys)
    for _ in range(2):
        seen = [len((await ask(gate, "/v1/models", token=key["key"])).json["data"]) for key in keys]
        assert seen == [25, 1, 0]
    assert (await ask(gate, "/v1/models/m-04", token=keys[1]["key"])).status == 404


async def test_a_list_is_the_last_request_on_its_connection(gateway: OpenGate) -> None:
    """It says so; a body that came along and whatever is behind it are nobody's."""
    gate = await opened(gateway)
    caller = await gate.caller()
    caller.send(request(HELLO, token=TOKEN))
    assert (await caller.answer()).status == 200
    caller.send(request(b"x" * 10, "/v1/models", method="GET", token=TOKEN) + request(HELLO, token=TOKEN))
    answer = await caller.answer()
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert await caller.rest() == b""
    assert len(gate.sandbox.requests) == 1


async def test_long_fields_pass_here_as_everywhere(gateway: OpenGate) -> None:
    """The limit of a head is the same for every path."""
    gate = await opened(gateway)
    answer = await ask(gate, "/v1/models", ("x-trace", "a" * 20_000), ("x-other", "b" * 20_000))
    assert answer.status == 200


async def test_no_software_is_named(gateway: OpenGate) -> None:
    """Versions of what is inside are nobody's business."""
    answer = await ask(await opened(gateway), "/v1/models")
    assert answer.header("server") == "aigw"


def test_names_of_the_accounts_own() -> None:
    """An alias is listed where what it means may be called; a model whose name it takes is listed with its prefix."""
    aliases = {
        "Fast": "maker:lyre-2",
        "lyre-2": "org/drum",
        "tuned": "maker:ft-1",
        "lost": "nothing-like-it",
        "no": "keyless:m",
        "spoken": "speaker:x",
    }
    account = attrs.evolve(snapshot(), aliases={name.casefold(): target for name, target in aliases.items()})

    def names(key: AccessKey) -> list[str]:
        return [each.id for each in listed(account, key, CHAT)]

    assert set(names(ANYBODY)) - set(ids()) == {"fast", "lyre-2", "maker:Lyre-2", "tuned"}
    assert "Lyre-2" not in names(ANYBODY)
    assert names(scoped(models={("maker", "ft-1")})) == ["tuned"]


def test_a_change_makes_another_list() -> None:
    """What is kept of a list holds for one snapshot."""
    now = [snapshot()]
    made = local.Local(cast(Any, SimpleNamespace(snapshot=SimpleNamespace(account=lambda id: now[-1]))))
    assert made._models("chat", ANYBODY)
    now.append(snapshot(providers=[], epoch=2))
    assert made._models("chat", ANYBODY) == []


def test_kept_lists_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account with many models and many configurations does not fill the memory with lists of them."""
    front = SimpleNamespace(snapshot=SimpleNamespace(account=lambda id: snapshot()))
    made = local.Local(cast(Any, front))
    keys = [attrs.evolve(ANYBODY, grant=f"grant-{number}") for number in range(9)]
    size = len(made._models("chat", keys[0]))
    monkeypatch.setattr(local, "MOST_MODELS", 2 * size)
    for key in keys:
        made._models("chat", key)
        assert len(made._kept) <= 2
        assert made._size == sum(map(len, made._kept.values()))
    assert made._models("chat", keys[-1]) is made._models("chat", keys[-1])

"""Access key configurations over the API: what may be called, and rules that name what there is."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.secret import Secret
from aigw.settings import ProviderSettings, Settings
from aigw.store.specs import MOST_KEYS

from .conftest import Live, Serve

PATH = "/access-key-configurations"
KEYS = "/provider-keys"
ALL = {"providers": {"allow": None}, "models": {"allow": None}}
USER: dict[str, Any] = {"type": "user"}


async def key(live: Live, provider: str = "openai", **more: str) -> str:
    """The id of a new provider key."""
    return str((await live.made(KEYS, {"providerId": provider, "value": "a-value"}, **more))["id"])


async def test_a_configuration_from_end_to_end(live: Live) -> None:
    """A configuration is made, shown as it was said, sent back as it is shown, changed part by part, and deleted."""
    first, second = await key(live), await key(live)
    steps = [
        {"type": "user", "keySelectionStrategy": "round_robin", "keys": [{"id": first}, {"id": second}]},
        {"type": "managed"},
    ]
    body = {
        "name": "team",
        "access": {"providers": {"allow": ["openai", "anthropic"]}, "models": {"allow": ["openai:gpt-4o", "groq/x/y"]}},
        "router": {"rules": [{"provider": "openai", "steps": steps}, {"model": "gpt-4o", "steps": [USER]}]},
    }
    made = await live.made(PATH, body)
    assert made["access"] == body["access"]
    [by_provider, by_model] = made["router"]["rules"]
    assert (by_provider["provider"], by_provider["model"]) == ("openai", None)
    assert by_provider["steps"][0]["keySelectionStrategy"] == "round_robin"
    assert by_provider["steps"][0]["keys"] == [{"id": id} for id in (first, second)]
    assert by_provider["steps"][1] == {"type": "managed", "keySelectionStrategy": "ordered", "keys": []}
    assert (by_model["model"], by_model["steps"][0]["keys"]) == ("gpt-4o", [])
    again = (await live.ask("PATCH", made["uri"], {part: made[part] for part in ("access", "router")})).told
    assert (again["access"], again["router"]) == (made["access"], made["router"])
    changed = (await live.ask("PATCH", made["uri"], {"access": {"providers": {"allow": []}}})).told
    assert changed["access"] == {"providers": {"allow": []}, "models": {"allow": None}}
    assert changed["router"] == made["router"]
    cleared = (await live.ask("PATCH", made["uri"], {"access": None, "router": None})).told
    assert (cleared["access"], cleared["router"], cleared["name"]) == (ALL, {"rules": []}, "team")
    assert (await live.ask("DELETE", made["uri"])).status == 204


@pytest.mark.parametrize(
    ("access", "shown"),
    [
        (None, ALL),
        ({}, ALL),
        ({"providers": {}}, ALL),
        ({"providers": None, "models": {"allow": None}}, ALL),
        ({"models": {"allow": []}}, {"providers": {"allow": None}, "models": {"allow": []}}),
        (
            {"providers": {"allow": ["openai", "openai"]}},
            {"providers": {"allow": ["openai"]}, "models": {"allow": None}},
        ),
    ],
)
async def test_an_absent_list_allows_all(live: Live, access: Any, shown: Any) -> None:
    """No list allows all, an empty one nothing."""
    assert (await live.made(PATH, {"access": access}))["access"] == shown


async def test_a_used_configuration_stays(live: Live) -> None:
    """A configuration that access keys use is not deleted; a provider key that it names neither."""
    id = await key(live)
    rules = [{"provider": "openai", "steps": [{"type": "user", "keys": [{"id": id}]}]}]
    made = await live.made(PATH, {"router": {"rules": rules}})
    access = await live.made("/access-keys", {"accessKeyConfigurationId": made["id"]})
    heard = await live.ask("DELETE", made["uri"])
    assert (heard.status, heard.code, heard.told["details"]["ids"]) == (409, "referenced", [access["id"]])
    assert (await live.ask("DELETE", f"{KEYS}/{id}")).told["details"]["ids"] == [made["id"]]


async def test_new_keys_in_a_rule(live: Live) -> None:
    """A key may be written within a rule: it is made for the rule's provider, and stands where it was written."""
    old = await key(live)
    keys = [{"name": "new", "value": "sk-a-new-key-0123456789"}, {"id": old}, {"value": "sk-another-key-0123456"}]
    made = await live.made(PATH, {"router": {"rules": [{"model": "openai:gpt-4o", "steps": [{**USER, "keys": keys}]}]}})
    ids = [each["id"] for each in made["router"]["rules"][0]["steps"][0]["keys"]]
    assert ids[1] == old
    shown = [(await live.ask("GET", f"{KEYS}/{id}")).told for id in ids]
    assert [each["name"] for each in shown] == ["new", "", ""]
    assert {each["providerId"] for each in shown} == {"openai"}
    assert "sk-a-new-key-0123456789" not in str(made)


RULES: dict[str, tuple[Any, str]] = {
    "for nothing": ({"steps": [USER]}, "router.rules[0]"),
    "no steps": ({"provider": "openai", "steps": []}, "router.rules[0].steps"),
    "steps left out": ({"provider": "openai"}, "router.rules[0].steps"),
    "an unknown provider": ({"provider": "opnai", "steps": [USER]}, "router.rules[0].provider"),
    "no provider": ({"provider": "Open AI", "steps": [USER]}, "router.rules[0].provider"),
    "a model of an unknown one": ({"model": "opnai:gpt-4o", "steps": [USER]}, "router.rules[0].model"),
    "a model of another one": (
        {"provider": "openai", "model": "anthropic:claude", "steps": [USER]},
        "router.rules[0].model",
    ),
    "an unknown type": ({"provider": "openai", "steps": [{"type": "mine"}]}, "router.rules[0].steps[0].type"),
    "an unknown strategy": (
        {"provider": "openai", "steps": [{**USER, "keySelectionStrategy": "random"}]},
        "router.rules[0].steps[0].keySelectionStrategy",
    ),
    "a managed step with keys": (
        {"provider": "openai", "steps": [{"type": "managed", "keys": [{"value": "x"}]}]},
        "router.rules[0].steps[0].keys",
    ),
    "a key of nothing": (
        {"provider": "openai", "steps": [{**USER, "keys": [{}]}]},
        "router.rules[0].steps[0].keys[0]",
    ),
    "a key of both": (
        {"provider": "openai", "steps": [{**USER, "keys": [{"id": "aigpk_x", "value": "x"}]}]},
        "router.rules[0].steps[0].keys[0]",
    ),
    "a name for an old key": (
        {"provider": "openai", "steps": [{**USER, "keys": [{"id": "aigpk_x", "name": "x"}]}]},
        "router.rules[0].steps[0].keys[0].name",
    ),
    "a key that is not there": (
        {"provider": "openai", "steps": [USER, {**USER, "keys": [{"id": "aigpk_x"}]}]},
        "router.rules[0].steps[1].keys[0]",
    ),
    "a redacted new key": (
        {"provider": "openai", "steps": [{**USER, "keys": [{"value": "sk-abc***wxyz"}]}]},
        "router.rules[0].steps[0].keys[0].value",
    ),
    "a new key with a line break": (
        {"provider": "openai", "steps": [{**USER, "keys": [{"value": "sk-abc\n"}]}]},
        "router.rules[0].steps[0].keys[0].value",
    ),
    "a new key for nobody": (
        {"model": "gpt-4o", "steps": [{**USER, "keys": [{"value": "x"}]}]},
        "router.rules[0].steps[0].keys",
    ),
}


@pytest.mark.parametrize("what", RULES)
async def test_rules_that_cannot_be(live: Live, what: str) -> None:
    """A rule that names what is not there, or contradicts itself, is refused with its place, and makes no key."""
    rule, field = RULES[what]
    made = await live.made(PATH, {})
    for method, path in (("POST", PATH), ("PATCH", made["uri"])):
        heard = await live.ask(method, path, {"router": {"rules": [rule]}})
        assert heard.status == 400, heard.body
        assert heard.told["details"]["field"] == field
    assert (await live.ask("GET", KEYS)).told["providerKeys"] == []


async def test_keys_that_do_not_fit(live: Live) -> None:
    """A rule names keys of its own account and provider, each once."""
    id, other = await live.account("other")
    own, foreign, wrong = await key(live), await key(live, aigw_account=id), await key(live, "anthropic")
    for keys in ([foreign], [wrong], [own, own]):
        steps = [{"type": "user", "keys": [{"id": each} for each in keys]}]
        heard = await live.ask("POST", PATH, {"router": {"rules": [{"provider": "openai", "steps": steps}]}})
        assert heard.status == 400
        assert heard.told["details"]["field"].startswith("router.rules[0].steps[0].keys")
    assert (await live.ask("GET", PATH, token=other)).told["accessKeyConfigurations"] == []


async def test_too_many_new_keys(live: Live) -> None:
    """They are counted before one is made: the changes of all accounts wait while a change is under way."""
    steps = [{"type": "user", "keys": [{"value": "key-of-a-provider"}] * (MOST_KEYS // 2)}]
    rules = [{"provider": "openai", "model": model, "steps": steps} for model in ("a", "b", "c")]
    heard = await live.ask("POST", PATH, {"router": {"rules": rules}})
    assert (heard.status, heard.told["msg"]) == (400, "router.rules: name 1500 keys, 1000 at most")
    assert (await live.ask("GET", KEYS)).told["providerKeys"] == []


@pytest.mark.parametrize(
    ("access", "field"),
    [
        ({"providers": {"allow": ["openai", "opnai"]}}, "access.providers.allow[1]"),
        ({"providers": {"allow": ["Open AI"]}}, "access.providers.allow[0]"),
        ({"models": {"allow": ["gpt-4o"]}}, "access.models.allow[0]"),
        ({"models": {"allow": ["openai:x", "nobody/x"]}}, "access.models.allow[1]"),
        ({"models": ["openai:x"]}, "access.models"),
        ({"provider": {}}, "access.provider"),
    ],
)
async def test_access_that_cannot_be(live: Live, access: Any, field: str) -> None:
    """Only providers that exist are allowed or not, and a model is said with its provider."""
    heard = await live.ask("POST", PATH, {"access": access})
    assert (heard.status, heard.told["details"]["field"]) == (400, field)


async def test_rules_of_custom_providers(live: Live) -> None:
    """A custom provider is named like a built-in one by its account alone; the operator has no keys for it."""
    surfaces = [{"surface": "messages"}]
    await live.made(
        "/providers", {"providerId": "mine", "baseUrl": "https://a.example", "supportedApiSurfaces": surfaces}
    )
    rule = {"provider": "mine", "model": "qwen3:1b", "steps": [USER]}
    _, other = await live.account("other")
    for token, status in ((live.token, 201), (other, 400)):
        assert (await live.ask("POST", PATH, {"router": {"rules": [rule]}}, token=token)).status == status
    heard = await live.ask("POST", PATH, {"router": {"rules": [{"provider": "mine", "steps": [{"type": "managed"}]}]}})
    assert heard.told["details"]["field"] == "router.rules[0].steps[0].type"
    theirs = {"provider": "openai", "model": "mine:qwen3", "steps": [USER]}
    heard = await live.ask("POST", PATH, {"router": {"rules": [theirs]}})
    assert heard.told["details"]["field"] == "router.rules[0].model"


async def test_two_rules_for_the_same(live: Live) -> None:
    """No two rules are for the same model."""
    rules = [{"model": name, "steps": [USER]} for name in ("gpt-4o", "GPT-4o")]
    heard = await live.ask("POST", PATH, {"router": {"rules": rules}})
    assert heard.told["details"]["field"] == "router.rules"


async def test_declared_keys_cannot_be_named(serve: Serve) -> None:
    """A key of the configuration has an id that is shown; a rule that names it is told why it cannot."""
    live = await serve(Settings(providers=(ProviderSettings("openai", keys=(Secret("a-key-of-the-file"),)),)))
    steps = [{"type": "user", "keys": [{"id": "aigpk_openai_1"}]}]
    heard = await live.ask("POST", PATH, {"router": {"rules": [{"provider": "openai", "steps": steps}]}})
    assert heard.status == 400
    assert "declared in the configuration" in heard.told["msg"]

"""A dry run tells what a request would meet, as the planner plans it, and calls nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest

from aigw.adapter import Ask, Outgoing, Provider
from aigw.errors import AttemptFailed, ConfigError
from aigw.explain import dry_run, explain
from aigw.explanation import lines
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Limits, ProviderSettings, Settings
from aigw.snapshot import Snapshot
from aigw.store.records import OPERATOR_ACCOUNT
from aigw.store.specs import Access, Budget, Rule

from .support.holding import FIRST, Holding, declared, served, user

CHAT = "chat-completions"
UP = ProviderSettings(
    "up",
    base_url="http://127.0.0.1:1/v1?api-version=2",
    surfaces=(CHAT,),
    models=("llama-3",),
    keys=(Secret("up-one-0123456789abcdef"), Secret("up-two-0123456789abcdef")),
    managed_keys=(Secret("up-managed-0123456789"),),
    connect_timeout=1.0,
)
OPENAI = ProviderSettings("openai", keys=(Secret("sk-0123456789abcdefghijklmn"),))


def told(*models: str, surface: str = CHAT, key: str | None = None, **differing: Any) -> dict[str, Any]:
    """What explain tells of these models; with both providers unless other settings are given."""
    settings = Settings(**{"providers": (UP, OPENAI), **differing})
    return explain(settings, models, surface, key)


def whys(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Provider, model and reason of each candidate."""
    return [(each["provider"], each["model"], each["why"]) for each in answer["candidates"]]


def test_candidates_in_order() -> None:
    """The model, then its fallbacks; each with every key of its provider, and why it is one."""
    answer = told("openai:gpt-4o", "llama-3", "up:own")
    assert answer["models"] == ["openai:gpt-4o", "llama-3", "up:own"]
    assert whys(answer) == [
        ("openai", "gpt-4o", "named by the prefix"),
        *[("up", "llama-3", "declared for this provider")] * 3,
        *[("up", "own", "named by the prefix, not in the catalog: passed through as it is")] * 3,
    ]
    assert whys(told("gpt-4o")) == [("openai", "gpt-4o", "the catalog's default provider")]


def test_keys_and_where_they_go() -> None:
    """A key shows redacted, with whose it is; the address is the one that would be asked, query and all."""
    first, second, third = told("llama-3")["candidates"]
    assert (first["key"], first["keySource"]) == ("up-one-012***cdef", "user")
    assert (second["key"], second["keySource"]) == ("up-two-012***cdef", "user")
    assert (third["key"], third["keySource"]) == ("up-managed***6789", "managed")
    assert first["url"] == "http://127.0.0.1:1/v1/chat/completions?api-version=2"
    assert told("gpt-4o")["candidates"][0]["url"] == "https://api.openai.com/v1/chat/completions"


def test_limits() -> None:
    """Those of every request, as they are written in a file, and what differs for a provider."""
    answer = told("llama-3", "gpt-4o", limits=Limits(total_timeout=90.0, max_body_bytes=5))
    assert answer["limits"]["total_timeout"] == "1m30s"
    assert answer["limits"]["keepalive_after"] == "15s"
    assert answer["limits"]["max_body_bytes"] == 5
    assert [each["limits"] for each in answer["candidates"]] == [{"connect_timeout": "1s"}] * 3 + [{}]
    assert answer["strategy"] == "ordered"
    text = list(lines(answer))
    assert "limits of up: connect_timeout 1s" in text
    assert any(line.startswith("limits: ") and "total_timeout 1m30s" in line for line in text)


def test_what_is_passed_over() -> None:
    """A name that gives no candidate is told with its refusal, while others do."""
    answer = told("gpt-4o", "no-such-model", "groq:openai/gpt-oss-120b")
    assert [each["provider"] for each in answer["candidates"]] == ["openai"]
    assert [(each["model"], each["status"], each["code"]) for each in answer["passedOver"]] == [
        ("no-such-model", 404, "unknown_model"),
        ("groq:openai/gpt-oss-120b", 400, "no_credentials"),
    ]
    assert "refusal" not in answer
    assert sum(line.startswith("passed over ") for line in lines(answer)) == 2


def test_no_candidate_at_all() -> None:
    """The refusal is the one a caller would get, and each name has its own reason."""
    answer = told("no-such-model", "groq:openai/gpt-oss-120b")
    assert answer["candidates"] == []
    assert (answer["refusal"]["status"], answer["refusal"]["code"]) == (404, "unknown_model")
    assert [each["code"] for each in answer["passedOver"]] == ["unknown_model", "no_credentials"]
    assert next(lines(answer)).startswith("no candidate: unknown_model (404): ")
    alone = told("no-such-model")
    assert not any(line.startswith("passed over") for line in lines(alone))


def test_more_names_than_a_request_may_have() -> None:
    """What is wrong with the request as a whole is told as such, and of no single name."""
    answer = told(*["gpt-4o"] * 33)
    assert answer["refusal"]["code"] == "invalid_body"
    assert answer["passedOver"] == []


class Later(Provider):
    """A provider whose credential has to be fetched."""

    async def adapt(self, ask: Ask) -> Outgoing:
        """Waits, or fails for a model."""
        if ask.model == "broken":
            raise AttemptFailed("no_token", "the cloud is away")
        await asyncio.get_running_loop().create_future()
        raise AssertionError


async def test_what_only_the_attempt_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that is found out at the time is not waited for, and a failure to find it is told."""
    later = Later(id="up", name="Up", base_url="http://127.0.0.1:1", surfaces=frozenset({CHAT}))
    monkeypatch.setattr("aigw.registry.build", lambda _settings: later)
    settings = Settings(providers=(attrs.evolve(UP, keys=(), models=()),))
    urls = [each["url"] for each in explain(settings, ["up:x", "up:broken"], CHAT)["candidates"]]
    assert urls == ["(found out at the time)", "(no_token: the cloud is away)"]


def test_the_scope_of_a_key() -> None:
    """The named key's scope applies, else the first one's; without any everything is allowed."""
    keys = (
        AccessKeySettings(name="all", key=Secret("all-0123456789abcdefghij")),
        AccessKeySettings(name="narrow", key=Secret("narrow-0123456789abcdefg"), providers=("openai",)),
    )
    assert told("llama-3")["accessKey"] is None
    assert told("llama-3", access_keys=keys)["accessKey"] == "all"
    narrow = told("llama-3", access_keys=keys, key="narrow")
    assert (narrow["accessKey"], narrow["refusal"]["code"]) == ("narrow", "not_allowed")
    with pytest.raises(ConfigError, match="--key wide: no such access key; there are all, narrow"):
        told("llama-3", access_keys=keys, key="wide")
    with pytest.raises(ConfigError, match="there are none"):
        told("llama-3", key="any")


def test_surfaces() -> None:
    """Another surface has another path; one that a provider lacks is translated; an unknown one is a mistake."""
    assert told("gpt-4o", surface="responses")["candidates"][0]["url"].endswith("/v1/responses")
    translated = told("llama-3", surface="messages")["candidates"][0]
    assert translated["url"].endswith("/v1/chat/completions?api-version=2")
    assert translated["translatedTo"] == ["chat-completions"]
    assert "refusal" in told("llama-3", surface="audio")
    with pytest.raises(ConfigError, match=r"--surface chat: no such surface; there are audio, chat-completions, "):
        told("gpt-4o", surface="chat")


def test_the_sandbox() -> None:
    """Where `serve` would start the sandbox, it is among the candidates, without an address it does not have yet."""
    answer = told("sandbox-small", providers=())
    (candidate,) = answer["candidates"]
    assert (candidate["provider"], candidate["key"], candidate["keySource"]) == ("sandbox", "none needed", None)
    assert candidate["url"] == "http://sandbox/v1/chat/completions"


def test_how_keys_are_chosen() -> None:
    """Each candidate says how it is chosen and whether it is hedged; in words only what is unusual, once."""
    plain = told("llama-3")
    assert {(each["strategy"], each["hedge"]) for each in plain["candidates"]} == {("ordered", False)}
    assert not any(line.startswith("up:") for line in lines(plain))
    chosen = told(
        "llama-3", "gpt-4o", providers=(attrs.evolve(UP, key_selection_strategy="round_robin", hedge=True), OPENAI)
    )
    assert [(each["strategy"], each["hedge"]) for each in chosen["candidates"]] == [
        *[("round_robin", True)] * 3,
        ("ordered", False),
    ]
    assert [line for line in lines(chosen) if line.startswith("up:")] == [
        "up: keys by round_robin, not in the order shown; a second candidate is asked where a stream is late"
    ]


def team() -> tuple[Snapshot, str]:
    """A running gateway's snapshot, and an account in it that is not the file's."""
    holding = Holding()
    id = holding.account("team")
    holding.provider(id, "box", "https://box.example/v1")
    holding.provider_key(id, "box", "sk-box-one-0123456789")
    second = holding.provider_key(id, "box", "sk-box-two-0123456789")
    holding.provider_key(OPERATOR_ACCOUNT, FIRST, "sk-operator-0123456789")
    holding.alias(id, "fast", "box:m")
    rule = Rule("box", None, (user(second, strategy="round_robin"),))
    configuration = holding.configuration(id, rule, access=Access(providers=("box",)))
    holding.access_key(
        id, "aigw-app-0123456789a", configuration, requests_per_minute=5, budget=Budget(Decimal(2), "day")
    )
    holding.access_key(id, "aigw-late-0123456789", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    return served(holding, declared("mine", keys=["sk-mine-0123456789"])), id


def asking(*models: str, **differing: Any) -> dict[str, Any]:
    """What a dry run in the running gateway tells."""
    snapshot, id = team()
    return dry_run(snapshot, {"account": id, "models": list(models), "surface": CHAT, "accessKey": None, **differing})


def test_a_dry_run_for_an_account() -> None:
    """Its providers, keys and names, and whose each key is; the file's are another account's."""
    answer = asking("fast", f"{FIRST}:m", "mine:m")
    shown = [(each["provider"], each["key"], each["keySource"], each["keyWhy"]) for each in answer["candidates"]]
    assert shown == [
        ("box", "sk-box-two***6789", "user", "the account's own"),
        ("box", "sk-box-one***6789", "user", "the account's own"),
        (FIRST, "sk-operato***6789", "managed", "managed inference"),
    ]
    assert answer["candidates"][0]["why"] == "the alias fast of box:m, not in the catalog: passed through as it is"
    assert [each["model"] for each in answer["passedOver"]] == ["mine:m"]
    assert (answer["accessKeyId"], answer["configuration"], answer["keyLimits"]) == (None, None, {})


def test_a_dry_run_with_an_access_key() -> None:
    """By its configuration: which step gave the key, by which strategy; and what limits the key has."""
    answer = asking("fast", f"{FIRST}:m", accessKey="aigw-app-0123456789a")
    (only,) = answer["candidates"]
    assert (only["keyWhy"], only["strategy"]) == (f"a step of a rule of {answer['configuration']}", "round_robin")
    assert [each["code"] for each in answer["passedOver"]] == ["not_allowed"]
    assert answer["keyLimits"] == {"requestsPerMinute": 5, "budget": {"amount": "2", "period": "day"}}
    assert asking("fast", accessKey=answer["accessKeyId"])["candidates"] == answer["candidates"]


def test_a_dry_run_with_a_key_whose_time_is_over() -> None:
    """It would be refused."""
    answer = asking("fast", accessKey="aigw-late-0123456789")
    assert (answer["refusal"]["status"], answer["refusal"]["code"]) == (401, "invalid_access_key")


@pytest.mark.parametrize(
    ("differing", "words"),
    [
        ({"account": "acct_gone"}, "acct_gone"),
        ({"accessKey": "other"}, "no such access key"),
        ({"accessKey": "app"}, "no such access key"),
        ({"surface": "telepathy"}, "telepathy"),
        ({"models": []}, "models"),
    ],
)
def test_what_a_dry_run_cannot_tell(differing: dict[str, Any], words: str) -> None:
    """Unknown accounts, surfaces and keys, the file's keys among them: they are the default account's."""
    with pytest.raises(ConfigError, match=words):
        asking("fast", **differing)

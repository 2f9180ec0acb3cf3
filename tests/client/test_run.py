"""Every command against a gateway that runs: what it does, prints and ends with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aigw.client.resources import RESOURCES

from ..support.command import Command
from .conftest import Ask

HELLO = {"model": "sandbox-small", "messages": [{"role": "user", "content": "Say hello"}]}
SECRET = "sk-tests-0123456789abcdef"


def provider(ask: Ask, url: str, id: str = "main") -> None:
    """A custom provider with a key of its name."""
    surface = ["--surface", "chat-completions", "--model", "sandbox-small"]
    assert ask("providers", "create", "--provider-id", id, "--base-url", url, *surface).code == 0
    made = ask("provider-keys", "create", "--provider", id, "--name", f"{id}-key", "--value-file", "-", stdin=SECRET)
    assert made.code == 0
    assert SECRET not in made.out + made.err


def test_who_is_asking(operate: Ask) -> None:
    """The first thing to try: role and account."""
    assert ["role", "operator"] in operate("whoami").rows
    assert operate("whoami", "--json").json["account"]["name"] == "default"


@pytest.mark.parametrize("command", [each.command for each in RESOURCES if "list" in each.verbs])
def test_every_list(ask: Ask, command: str) -> None:
    """A list of nothing says so beside its output; as JSON it is an empty list."""
    assert ask(command, "list", "-q").code == 0
    heard = ask(command, "list", "--json")
    assert heard.code == 0
    assert isinstance(heard.json, list)
    if not heard.json:
        assert ask(command, "list").err.startswith("aigw: no ")


def test_an_access_key(ask: Ask, served: Command) -> None:
    """Made, listed, shown, changed, taken back; in force in every worker when the command returns."""
    made = ask("keys", "create", "--name", "app", "--budget", "50/month", "--expires", "30d", "--json")
    token = made.json["token"]
    assert made.code == 0
    assert made.json["budget"] == {"amount": "50", "period": "month"}
    assert all(b" 401 " not in served.ask(HELLO, token) for _ in range(4))
    assert ask("keys", "list", "-q").out == f"{made.json['id']}\n"
    assert token not in ask("keys", "list").out + ask("keys", "show", "app").out
    assert ask("keys", "update", "app", "--clear", "budget", "--max-parallel", "2").code == 0
    shown = ask("keys", "show", made.json["id"], "--json").json
    assert (shown["budget"], shown["maxParallel"], shown["name"]) == (None, 2, "app")
    assert ask("keys", "delete", "app").out == f"deleted {made.json['id']}\n"
    assert all(b" 401 " in served.ask(HELLO, token) for _ in range(4))
    assert ask("keys", "show", "app").code == 1


def test_a_token_is_told_once(ask: Ask, clean: Path) -> None:
    """Printed with a remark, or written into a file; never lost for want of either."""
    shown = ask("keys", "create", "--name", "one")
    assert any(len(row) == 1 and row[0].startswith("aigw-") for row in shown.rows)
    assert "told this once" in shown.err
    kept = ask("api-keys", "create", "--name", "two", "--token-file", "two.key", "-q")
    assert kept.out.startswith("aiak_")
    assert (clean / "two.key").read_text().startswith("aigw-api-")
    assert ask("whoami", "--api-key-file", "two.key", "--account", "").code == 0
    lost = ask("keys", "create", "-q")
    assert (lost.code, lost.out) == (2, "")
    assert ask("keys", "create", "--token-file", "two.key").code == 1
    assert len(ask("keys", "list", "--json").json) == 1


def test_a_token_that_cannot_be_written(ask: Ask, clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk does not lose a token that is told once: it is printed, and the exit code is 1."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aigw.client.token_file.os.write", full)
    made = ask("keys", "create", "--token-file", "x")
    assert made.code == 1
    assert any(len(row) == 1 and row[0].startswith("aigw-") for row in made.rows)
    assert "No space left" in made.err
    assert not (clean / "x").exists()


def test_several_at_once(ask: Ask) -> None:
    """`delete` takes many; one that is not there stops it before the first is gone."""
    ids = [ask("keys", "create", "--name", name, "--json").json["id"] for name in ("a", "b")]
    assert ask("keys", "delete", "a", "none").code == 1
    assert len(ask("keys", "list", "--json").json) == 2
    assert ask("keys", "delete", "a", ids[1], "a", "--json").json == [{"id": id, "deleted": True} for id in ids]


def test_a_name_of_several(ask: Ask) -> None:
    """A name that is not unique changes nothing."""
    for _ in range(2):
        ask("keys", "create", "--name", "same", "--token-file", f"{_}.key")
    heard = ask("keys", "delete", "same")
    assert (heard.code, heard.out) == (1, "")
    assert "several have the name 'same'" in heard.err


def test_a_team(ask: Ask, served: Command, upstream_url: str) -> None:
    """A provider, its key, what may be called, and an access key that may call that alone."""
    provider(ask, upstream_url)
    given = ["--name", "apps", "--allow-provider", "main", "--rule", "main=main-key"]
    assert ["router.rules", f"main={ask('provider-keys', 'list', '-q').out.strip()}"] in ask(
        "configurations", "create", *given
    ).rows
    made = ask("keys", "create", "--name", "app", "--configuration", "apps", "--json").json
    assert b'"content"' in served.ask({**HELLO, "model": "main:sandbox-small"}, made["token"])
    assert b"not_allowed" in served.ask({**HELLO, "model": "openai:gpt-4o"}, made["token"])
    for command, name in (("configurations", "apps"), ("providers", "main")):
        used = ask(command, "delete", name)
        assert used.code == 1
        assert "in use" in used.err
    rotated = ask("provider-keys", "rotate", "main-key", "--value-file", "-", "-q", stdin="sk-another-0123456789")
    assert rotated.out == ask("provider-keys", "list", "-q", "--provider", "main").out


def test_a_part_of_a_field(ask: Ask, upstream_url: str) -> None:
    """A flag changes its part of a field; what is beside it stays, and is cleared by its own name."""
    provider(ask, upstream_url)
    ask("configurations", "create", "--name", "c", "--allow-provider", "main")
    assert ask("configurations", "update", "c", "--allow-model", "main:sandbox-small").code == 0
    access = ask("configurations", "show", "c", "--json").json["access"]
    assert (access["providers"]["allow"], access["models"]["allow"]) == (["main"], ["main:sandbox-small"])
    both = ["--clear", "allow-model", "--clear", "allow-provider"]
    assert ask("configurations", "update", "c", *both).code == 0
    shown = ask("configurations", "show", "c")
    assert "allow" not in shown.out


def test_a_file_of_what_was_shown(ask: Ask, clean: Path, upstream_url: str) -> None:
    """What `show --json` prints can be changed in a file and given back, once: then it is stale."""
    provider(ask, upstream_url)
    ask("configurations", "create", "--name", "c", "--rule", "main=main-key")
    (clean / "c.json").write_text(ask("configurations", "show", "c", "--json").out)
    assert ask("configurations", "update", "c", "--from", "c.json", "--description", "new").code == 0
    stale = ask("configurations", "update", "c", "--from", "c.json")
    assert stale.code == 1
    assert "look at it again" in stale.err
    assert ask("configurations", "create", "--from", "-", stdin=(clean / "c.json").read_text()).code == 0
    (clean / "p.json").write_text(ask("providers", "show", "main", "--json").out)
    assert ask("providers", "update", "main", "--from", "p.json", "--name", "Main").code == 0
    (clean / "p.json").write_text(json.dumps({"providerId": "another"}))
    refused = ask("providers", "update", "main", "--from", "p.json")
    assert (refused.code, refused.err) == (2, "aigw: p.json: providerId cannot be changed\n")


def test_a_file_with_names(ask: Ask, clean: Path, upstream_url: str) -> None:
    """The rules of a file may name provider keys by their names, in TOML as in JSON."""
    provider(ask, upstream_url)
    (clean / "c.toml").write_text(
        'name = "c"\n[[router.rules]]\nprovider = "main"\nsteps = [{ type = "user", keys = [{ id = "main-key" }] }]\n'
    )
    assert ask("configurations", "create", "--from", "c.toml").code == 0


def test_models_that_a_provider_says_it_has(ask: Ask, upstream_url: str) -> None:
    """They are listed; with --apply they are added."""
    provider(ask, upstream_url)
    ask("providers", "update", "main", "--clear", "model")
    found = ask("providers", "discover-models", "main")
    assert ["sandbox-small"] in found.rows
    assert "--apply" in found.err
    assert ask("providers", "show", "main", "--json").json["models"] == []
    assert ask("providers", "discover-models", "main", "--apply", "--json").json["applied"]
    assert {"sandbox-small"} <= {each["modelId"] for each in ask("providers", "show", "main", "--json").json["models"]}


def test_a_provider_of_a_preset(ask: Ask) -> None:
    """What no flag says comes from the preset."""
    assert "ollama" in ask("presets", "list", "-q").out.split()
    assert ask("presets", "show", "ollama").code == 0
    assert ask("providers", "create", "--preset", "ollama", "--provider-id", "mine").code == 0
    assert ask("providers", "show", "mine", "--json").json["baseUrl"] == "http://localhost:11434/v1"


def test_aliases(ask: Ask) -> None:
    """An alias is its own name."""
    assert ask("aliases", "create", "--alias", "fast", "--target", "sandbox:sandbox-small").code == 0
    assert ask("aliases", "update", "fast", "--target", "sandbox:sandbox-large").code == 0
    assert ask("aliases", "list").rows[1][1:] == ["fast", "sandbox:sandbox-large"]
    assert ask("aliases", "delete", "fast", "-q").out.startswith("aigal_")


def test_settings(ask: Ask) -> None:
    """What holds and who says so; a mistake is the API's to tell."""
    assert ["totalTimeout", "2m", "gateway"] in ask("gateway-config", "show").rows
    assert ["totalTimeout", "3m", "account"] in ask("gateway-config", "set", "--total-timeout", "3m").rows
    assert ["totalTimeout", "2m", "gateway"] in ask("gateway-config", "set", "--clear", "total-timeout").rows
    wrong = ask("gateway-config", "set", "--total-timeout", "3")
    assert wrong.code == 1
    assert "totalTimeout" in wrong.err


def test_the_audit(ask: Ask) -> None:
    """Who changed what, newest first; of everywhere with the account."""
    ask("aliases", "create", "--alias", "a", "--target", "sandbox:sandbox-small")
    ask("aliases", "delete", "a")
    rows = ask("audit", "list").rows
    assert [row[2] for row in rows[1:3]] == ["delete", "create"]
    assert "ACCOUNT" in ask("audit", "list", "--everywhere", "--limit", "1").out
    shown = ask("audit", "list", "--limit", "1", "--json").json
    assert ask("audit", "list", "--resource-id", shown[0]["resourceId"]).rows[1:] == rows[1:3]


def test_a_reload(operate: Ask, served: Command) -> None:
    """What is different in the file is printed as a table, and in force; a mistake changes nothing."""
    file = served.cwd / "aigw.toml"
    before = file.read_text()
    try:
        assert operate("reload").err == "aigw: the configuration is as it was\n"
        file.write_text(f'{before}[limits]\ntotal_timeout = "3m"\n')
        heard = operate("reload")
        assert heard.rows[0] == ["KEY", "BEFORE", "AFTER"]
        assert heard.rows[1][0] == "limits.total_timeout"
        file.write_text(f"{before}[limits]\nnonsense = 1\n")
        wrong = operate("reload")
        assert wrong.code == 1
        assert "nonsense" in wrong.err
    finally:
        file.write_text(before)
        assert operate("reload", "--json").json["changed"]


def test_another_account(ask: Ask, clean: Path) -> None:
    """An account's own key works in its account alone, and is no operator's."""
    ask("api-keys", "create", "--name", "ci", "--token-file", "ci.key")
    own = ["--api-key-file", "ci.key", "--account", ""]
    assert ask("keys", "list", *own).code == 0
    refused = ask("accounts", "list", *own)
    assert refused.code == 1
    assert "operator" in refused.err
    assert ask("keys", "list", "--account", "nobody").err.startswith("aigw: There is no such account")


def test_a_wrong_key(ask: Ask) -> None:
    """The message tells where the key came from, and not the key."""
    heard = ask("whoami", "--api-key-file", "-", stdin="aigw-api-wrong")
    assert heard.code == 1
    assert "the key of standard input" in heard.err
    assert "aigw-api-wrong" not in heard.err


def test_late_workers(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that not every worker has confirmed is kept and told, and has failed for who wanted to wait."""
    for late, said in ((["7"], "but 7 did not"), (["*"], "but the workers did not")):
        monkeypatch.setattr("aigw.client.api.Api.delete", lambda *_, late=late, **__: {"lateWorkers": late})
        heard = ask("keys", "delete", "aigk_1")
        assert (heard.code, heard.out) == (1, "deleted aigk_1\n")
        assert said in heard.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["keys", "create", "--max-parallel", "0"], "--max-parallel 0: must be a whole number above 0"),
        (["keys", "create", "--budget", "5"], "--budget 5: must be US dollars per day"),
        (["providers", "create"], "needs --provider-id"),
        (["aliases", "create"], "needs --alias and --target"),
        (["keys", "update", "aigk_1"], "nothing to change"),
        (["configurations", "create", "--rule", "x"], "--rule x: must be TARGET=STEPS"),
        (["providers", "create", "--provider-id", "x", "--surface", "y"], "--surface y: is no surface"),
        (
            ["provider-keys", "create", "--provider", "x", "--value-file", "-", "--api-key-file", "-"],
            "only one of them",
        ),
    ],
)
def test_wrong_usage(ask: Ask, arguments: list[str], said: str) -> None:
    """What was written wrong is told with the flag, before anything is asked: exit code 2."""
    heard = ask(*arguments)
    assert (heard.code, heard.out) == (2, "")
    assert said in heard.err


def test_no_gateway(unasked: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a gateway that runs a command says what to look at: exit code 1."""
    monkeypatch.setenv("AIGW_API_KEY", "k")
    heard = unasked("keys", "list", "--url", "unix:/nowhere")
    assert (heard.code, heard.out) == (1, "")
    assert "is the gateway running" in heard.err


def test_what_a_request_would_meet(ask: Ask, upstream_url: str) -> None:
    """Told by the running gateway, which knows the account, its aliases and its keys; the same text as of a file."""
    provider(ask, upstream_url)
    assert ask("aliases", "create", "--alias", "fast", "--target", "main:sandbox-small").code == 0
    assert ask("keys", "create", "--name", "app", "--requests-per-minute", "5").code == 0
    told = ask("explain", "fast", "--running", "--access-key", "app")
    assert (told.code, told.rows[0][:2], told.rows[1][:2]) == (0, ["PROVIDER", "MODEL"], ["main", "sandbox-small"])
    assert "access key: app" in told.out
    assert "limits of the access key: requests_per_minute 5" in told.out
    found = ask("explain", "nothing-like-it", "fast", "--account", os.environ["AIGW_ACCOUNT"], "--json").json
    assert [each["provider"] for each in found["candidates"]] == ["main"]
    assert found["passedOver"][0]["model"] == "nothing-like-it"
    assert ask("explain", "nothing-like-it", "--running").code == 1
    refused = ask("explain", "fast", "--access-key", "nobody's")
    assert (refused.code, "no such access key" in refused.err) == (1, True)
    assert ask("explain", "fast", "--running", "--key", "app").code == 2


def test_a_list_of_a_name(ask: Ask) -> None:
    """Exactly this name; an alias whatever its case."""
    for name in ("one", "one more"):
        assert ask("keys", "create", "--name", name).code == 0
    assert [each["name"] for each in ask("keys", "list", "--name", "one", "--json").json] == ["one"]
    assert ask("keys", "list", "--name", "two").err == "aigw: no access key like that\n"
    assert ask("aliases", "create", "--alias", "Fast", "--target", "openai:gpt-4o").code == 0
    assert ask("aliases", "list", "--alias", "FAST", "--json").json[0]["alias"] == "Fast"
    assert ask("aliases", "show", "fAST", "--json").json["alias"] == "Fast"

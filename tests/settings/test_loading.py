"""A whole configuration, from its sources to one object or every problem."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.settings import Settings, Tcp, Unix, load

TOKEN = "0123456789-0123456789"
PRESETS = {"local": "http://localhost:11434/v1/", "cloud_deployment": None}


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def configured(
    file: str = "", environ: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None
) -> Settings:
    path = Path("given.toml")
    path.write_text(file)
    return load(path, environ or {}, overrides, builtin=("alpha",), presets=PRESETS)


def refused(
    file: str = "", environ: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None
) -> str:
    with pytest.raises(ConfigError) as caught:
        configured(file, environ, overrides)
    return str(caught.value)


def test_without_anything_the_defaults_hold() -> None:
    """No file, no variables: the defaults, and they say that they are."""
    settings = load(None, {})
    assert settings == Settings()
    assert settings.source == "built-in defaults"


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left out, the environment is that of this process at the time of the call."""
    for name in [name for name in os.environ if name.upper().endswith("_PROXY") or name.startswith("AIGW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIGW_LOG_LEVEL", "error")
    assert load().log.level == "error"


def test_the_file_is_the_one_given_then_the_variables_then_the_directorys() -> None:
    """--config wins over AIGW_CONFIG, which wins over ./aigw.toml."""
    for name, workers in (("aigw.toml", 2), ("variable.toml", 3), ("given.toml", 4)):
        Path(name).write_text(f"[server]\nworkers = {workers}\n")
    assert load(None, {}).server.workers == 2
    assert load(None, {"AIGW_CONFIG": "variable.toml"}).server.workers == 3
    settings = load(Path("given.toml"), {"AIGW_CONFIG": "variable.toml"})
    assert settings.server.workers == 4
    assert settings.source == settings.origins["server.workers"] == "given.toml"


def test_flags_win_over_the_environment_which_wins_over_the_file() -> None:
    """Each key is decided for itself: command line, environment, file, default."""
    settings = configured(
        "[server]\nworkers = 2\nbacklog = 2\nmax_connections = 2\n",
        {"AIGW_SERVER_WORKERS": "3", "AIGW_SERVER_BACKLOG": "3"},
        {"server.workers": "4", "providers.alpha.base_url": "https://h.example"},
    )
    assert (settings.server.workers, settings.server.backlog, settings.server.max_connections) == (4, 3, 2)
    assert settings.origins["server.workers"] == "command line"
    assert settings.origins["server.backlog"] == "AIGW_SERVER_BACKLOG"
    assert "server.listen" not in settings.origins
    assert settings.providers[0].base_url == "https://h.example"


FULL = """
[server]
listen = "unix:/run/aigw.sock"
control = "off"
workers = "${WORKERS}"
drain_timeout = "1m30s"
[store]
url = "postgres://aigw:${PW}@db/aigw"
[limits]
max_output_tokens = 4096
[providers.alpha]
keys = ["${KEY}", "literal-$${key}"]
[providers.house]
base_url = "https://Models.example/v1/?api-version=1"
surfaces = ["chat-completions", "messages"]
surface_urls = { messages = "https://models.example/anthropic" }
models = ["a/b:c", "d"]
headers = { X-Team = "Platform team" }
per_request_timeout = "2m"
[[access_keys]]
name = "app"
key = "0123456789-0123456789"
models = ["alpha:m", "house/d"]
providers = []
[billing]
enabled = true
"""


def test_a_full_file_becomes_the_settings() -> None:
    """Every kind of value of the file arrives checked and in its own type."""
    settings = configured(FULL, {"WORKERS": "2", "PW": "pw", "KEY": "k"})
    assert settings.server.listen == Unix("/run/aigw.sock")
    assert settings.server.control is None
    assert (settings.server.workers, settings.server.drain_timeout) == (2, 90)
    assert settings.store.url == "postgresql://aigw:pw@db/aigw"
    assert settings.limits.max_output_tokens == 4096
    alpha, house = settings.providers
    assert alpha.keys == (Secret("k"), Secret("literal-${key}"))
    assert house.base_url == "https://models.example/v1?api-version=1"
    assert house.surface_urls == (("messages", "https://models.example/anthropic"),)
    assert (house.models, house.per_request_timeout) == (("a/b:c", "d"), 120)
    assert house.headers == (("x-team", Secret("Platform team")),)
    (access_key,) = settings.access_keys
    assert (access_key.key, access_key.providers) == (Secret(TOKEN), ())
    assert access_key.models == ("alpha:m", "house/d")
    assert settings.billing.enabled


def test_a_list_may_be_a_reference() -> None:
    """A reference stands for text, and the text of a list has commas."""
    (provider,) = configured("[providers.alpha]\nkeys = '${KEYS}'\n", {"KEYS": "a, b"}).providers
    assert provider.keys == (Secret("a"), Secret("b"))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("listen = ':1'", "given.toml: listen: unknown key; it belongs in [server]"),
        ("[serve]", "given.toml: serve: unknown key; did you mean 'server'?"),
        ("[server]\nlistn = ':1'", "given.toml: server.listn: unknown key; did you mean 'listen'?"),
        ("[server]\ntotal-timeout = 1", "given.toml: server.total-timeout: unknown key"),
        ("[server]\ntotal_timeout = '1s'", "it belongs in [limits]"),
        ("server = 1", "given.toml: server: must be a table: [server]"),
        ("providers = 1", "given.toml: providers: must hold tables: [providers.ID]"),
        ("[providers]\nalpha = 'x'", "given.toml: providers.alpha: must be a table: [providers.alpha]"),
        ("[providers]\nbase_url = 'x'", "a key of a provider stands under [providers.ID]"),
        (
            "[providers.My_Model]",
            "providers.'My_Model': is no provider id: lower-case letters, digits and \"-\"",
        ),
        ("[access_keys]\nname = 'x'", "given.toml: access_keys: must be an array of tables: [[access_keys]]"),
        ("[[access_keys]]", "given.toml: access_keys[0]: is empty: it needs a name and a key"),
        ("[[access_keys]]\nname = 'a'", "given.toml: access_keys[0].key: is missing"),
        ("access_keys = [1]", "given.toml: access_keys[0]: must be a table: [access_keys[0]]"),
        ("[server]\nworkers = '2'", "given.toml: server.workers = '2': must be a whole number from 1 to 256"),
        ("[server]\nworkers = true", "given.toml: server.workers = true: must be a whole number"),
        ("[server]\nworkers = 2.0", "given.toml: server.workers = 2.0: must be a whole number"),
        ("[server]\nlisten = 8080", "given.toml: server.listen = 8080: must be a string, not an integer"),
        ("[server]\nlisten = ''", "given.toml: server.listen = '': must not be empty"),
        ("[server]\nlisten = 2026-01-01", "must be a string, not a date or time"),
        ('[providers.alpha]\nname = "a\\u0007"', "must be at most 255 printable characters"),
        ('[server]\ndata_dir = "a\\u0000"', "may not hold a NUL character"),
        ("[server]\ndata_dir = '~/x'", 'may not start with "~"'),
        (
            "[limits]\ntotal_timeout = 30",
            'given.toml: limits.total_timeout = 30: needs a unit, in quotes: "30s"',
        ),
        ("[limits]\ntotal_timeout = '2d'", "limits.total_timeout = '2d': must be a duration such as"),
        ("[limits]\ntotal_timeout = '25h'", "limits.total_timeout = '25h': must be from 1ms to 24h"),
        ("[billing]\nenabled = 'true'", "given.toml: billing.enabled = 'true': must be true or false"),
        (
            "[log]\nlevel = 'warn'",
            "log.level = 'warn': must be one of debug, info, warning, error, off; did you mean",
        ),
        ("[store]\nurl = 'mysql://u:hunter2@h'", "store.url = 'mysql://***@h': must be \"sqlite\""),
        (
            "[upstream]\nca_file = '/no/file.pem'",
            "upstream.ca_file: there is no readable file '/no/file.pem'",
        ),
        ("[upstream]\nallow_http = 'x'", "upstream.allow_http = 'x': must be an array, in brackets"),
        ("[providers.alpha]\nkeys = 'hunter2'", "given.toml: providers.alpha.keys: must be an array"),
        ("[providers.alpha]\nkeys = ['hunter2', 1]", "providers.alpha.keys: item 2 must be a string"),
        ("[providers.alpha]\nkeys = ['a', 'a']", "providers.alpha.keys: item 2 repeats item 1"),
        ("[providers.alpha]\nkeys = ['']", "providers.alpha.keys: item 1 must not be empty"),
        ("[providers.alpha]\nkeys = ['sk-hunter2***abcd']", "it is the redacted form of a secret"),
        (
            "[providers.alpha]\nkeys = ['${KEY}']",
            "providers.alpha.keys: refers to ${KEY}, but the variable KEY is not",
        ),
        ("[providers.alpha]\npreset = 'local'", "only a custom provider has a preset"),
        (
            "[providers.alpha]\nbase_url = 'http://u:hunter2@h'",
            "base_url = 'http://***@h': may not hold a user",
        ),
        (
            "[providers.alpha]\nbase_url = 'http://models:1'",
            "given.toml: providers.alpha.base_url: sends credentials",
        ),
        ("[providers.alpha]\nsurfaces = ['chat']", "item 1 must be one of chat-completions"),
        ("[providers.alpha]\nmodels = ['a b']", "item 1 must be a model id"),
        ("[providers.alpha]\nsurface_urls = { chat = 'https://h' }", "entry 'chat' must be one of"),
        ("[providers.alpha]\nsurface_urls = 'x'", "must be a table of URL values"),
        ("[providers.alpha]\nheaders = { Cookie = 'hunter2' }", "entry 'Cookie' is a credential's header"),
        (
            "[providers.alpha]\nheaders = { Host = 'x' }",
            "entry 'Host' is a header that the gateway alone writes",
        ),
        ("[providers.alpha]\nheaders = { 'a b' = 'x' }", "entry 'a b' is no header name"),
        (
            '[providers.alpha]\nheaders = { a = "hunter2\\r\\nb: c" }',
            "entry 'a' must be a string of visible ASCII",
        ),
        ("[providers.alpha]\nheaders = { a = '1', A = '2' }", "entry 'A' repeats another in different case"),
        (
            "[providers.alph]\nkeys = ['k']",
            "is custom (no built-in has this id) and needs it; did you mean 'alpha'?",
        ),
        (
            "[providers.mine]\nbase_url = 'https://h.example'",
            "providers.mine.surfaces: is missing: the API surfaces",
        ),
        (
            "[providers.mine]\npreset = 'locla'",
            "must be one of local, cloud_deployment; did you mean 'local'?",
        ),
        (
            "[providers.mine]\npreset = 'cloud_deployment'",
            "providers.mine.base_url: is missing: provider 'mine' needs it",
        ),
        (
            "[[access_keys]]\nname = 'a'\nkey = 'hunter2'",
            "access_keys[0].key: must be visible ASCII characters",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_never_a_secret(file: str, message: str) -> None:
    """Every problem names file, key, value and what is allowed, in one line without secrets."""
    found = refused(file)
    assert message in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("dotted", "message"),
    [
        ("server.listn", "command line: server.listn: unknown key; did you mean 'server.listen'?"),
        ("listen", "command line: listen: unknown key"),
        ("access_keys[0].name", "unknown key"),
        ("providers.Bad.keys", "command line: providers.Bad.keys: names no provider id"),
        ("providers.alpha.headers", "providers.alpha.headers: must be a table"),
        ("server.workers", "command line: server.workers = 'x': must be a whole number"),
    ],
)
def test_flags_are_checked_alike(dotted: str, message: str) -> None:
    """An override names a key that exists and a value that fits."""
    assert message in refused(overrides={dotted: "x"})


def test_all_problems_come_at_once() -> None:
    """One start shows everything that is wrong, in file, environment and flags, each on a line."""
    lines = refused(
        "[server]\nworkers = 0\n[log]\nformt = 'json'\n[[access_keys]]\nname = 'a'\n",
        {"AIGW_LOG_LEVEL": "loud", "AIGW_LOGG": "x"},
        {"limits.total_timeout": "soon"},
    ).splitlines()
    assert lines[0] == "6 problems with the configuration:"
    places = (
        "server.workers",
        "log.formt",
        "access_keys[0].key",
        "log.level",
        "AIGW_LOGG",
        "limits.total_timeout",
    )
    for place in places:
        assert sum(place in line for line in lines[1:]) == 1, place


def test_what_follows_from_a_problem_is_not_another_one() -> None:
    """A base URL that cannot be read is not reported as missing too."""
    assert refused("[providers.mine]\nbase_url = 'h'\nsurfaces = ['chat']\n").count("\n") == 2


def test_doubles_among_access_keys_are_found_across_the_file() -> None:
    """Two access keys with one token or one name are refused, and the token is not shown."""
    file = f"[[access_keys]]\nname = 'a'\nkey = '{TOKEN}'\n[[access_keys]]\nname = 'a'\nkey = '{TOKEN}'\n"
    message = refused(file)
    assert "given.toml: access_keys[1].name: another access key is named 'a'" in message
    assert "given.toml: access_keys[1].key: is the same token as that of 'a'" in message
    assert TOKEN not in message


def test_a_preset_brings_its_base_url() -> None:
    """A custom provider with a preset needs no base URL when the preset has a usual one."""
    settings = configured("[providers.mine]\npreset = 'local'\n")
    assert settings.providers[0].base_url == "http://localhost:11434/v1"
    assert settings.origins["providers.mine.base_url"] == "preset local"


@pytest.mark.parametrize("id", ["local", "cloud-deployment"])
def test_an_id_that_names_a_preset_has_it(id: str) -> None:
    """[providers.local] alone is the preset of that name, with - for _."""
    file = f"[providers.{id}]\n" + ("base_url = 'https://h.example'\n" if id != "local" else "")
    settings = configured(file)
    assert settings.providers[0].preset == id.replace("-", "_")
    assert settings.origins[f"providers.{id}.preset"] == "provider id"


def test_a_disabled_provider_need_not_be_complete() -> None:
    """A custom provider that is switched off may lack what it would need."""
    (provider,) = configured("[providers.mine]\nenabled = false\n").providers
    assert not provider.enabled


def test_plain_http_names_can_be_allowed() -> None:
    """allow_http lets a base URL lead to a name on a trusted network."""
    file = "[upstream]\nallow_http = ['*.cluster.local']\n[providers.alpha]\nbase_url = 'http://m.cluster.local:8000'\n"
    assert configured(file).providers[0].base_url == "http://m.cluster.local:8000"


def test_listeners_on_one_address_are_refused() -> None:
    """The control API may not take the data plane's address."""
    assert "server.control: may not be the address of server.listen" in refused("[server]\nlisten = '127.0.0.1:8081'\n")
    assert configured("[server]\nlisten = ':0'\ncontrol = ':0'\n").server.control == Tcp("", 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"[server\n",
            "given.toml: not valid TOML: Expected ']' at the end of a table declaration (at line 1",
        ),
        (b"a = 1\na = 2\n", "given.toml: not valid TOML"),
        (b"\xff", "given.toml: the configuration file is not UTF-8 text"),
    ],
)
def test_a_file_that_is_not_toml_is_named(content: bytes, message: str) -> None:
    """A file that cannot be parsed is reported with the line."""
    Path("given.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(Path("given.toml"), {})
    assert message in str(caught.value)


def test_a_byte_order_mark_is_no_problem() -> None:
    """A file saved by an editor that marks UTF-8 is read."""
    Path("given.toml").write_bytes(b"\xef\xbb\xbf[server]\nworkers = 2\n")
    assert load(Path("given.toml"), {}).server.workers == 2


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_was_named_must_be_readable(name: str) -> None:
    """A configuration that was asked for and is not there is never replaced by defaults."""
    with pytest.raises(ConfigError, match="cannot read the configuration file"):
        load(Path(name), {})
    with pytest.raises(ConfigError, match="cannot read the configuration file"):
        load(None, {"AIGW_CONFIG": name})


def test_a_huge_file_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file far beyond any configuration is taken for the slip it is."""
    monkeypatch.setattr("aigw.settings.sources.MAX_CONFIG_BYTES", 10)
    assert "over 10 bytes" in refused("[server]\nworkers = 2\n")


def test_an_empty_aigw_config_is_refused() -> None:
    """AIGW_CONFIG set to nothing is a forgotten value, not a wish for the defaults."""
    with pytest.raises(ConfigError, match="AIGW_CONFIG: is set but empty"):
        load(None, {"AIGW_CONFIG": ""})


def test_a_link_to_nowhere_is_not_taken_for_no_file() -> None:
    """./aigw.toml that cannot be followed stops the start."""
    Path("aigw.toml").symlink_to("gone.toml")
    with pytest.raises(ConfigError, match=r"aigw\.toml: cannot read"):
        load(None, {})

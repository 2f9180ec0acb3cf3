"""Which variable sets what."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.settings import Proxy, Settings, Tcp, documented_keys, load, variable_of

TOKEN = "0123456789-0123456789"
BUILTIN = ("alpha", "beta-cloud")
KNOWN_KEYS = {"alpha": ("ALPHA_API_KEY", "ALPHA_KEY"), "beta-cloud": ("BETA_API_KEY",)}


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def configured(environ: Mapping[str, str], file: str | None = None) -> Settings:
    path = None
    if file is not None:
        path = Path("given.toml")
        path.write_text(file)
    return load(path, environ, known_keys=KNOWN_KEYS, builtin=BUILTIN, presets={"local": "http://localhost:1/v1"})


def refused(environ: Mapping[str, str], file: str | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        configured(environ, file)
    return str(caught.value)


def test_every_section_key_has_a_variable() -> None:
    """AIGW_<SECTION>_<KEY> sets the key, over the file's value."""
    settings = configured(
        {
            "AIGW_SERVER_LISTEN": ":9000",
            "AIGW_SERVER_WORKERS": "4",
            "AIGW_LIMITS_TOTAL_TIMEOUT": "5m",
            "AIGW_LOG_FORMAT": "console",
            "AIGW_BILLING_ENABLED": "yes",
            "AIGW_UPSTREAM_ALLOW_HTTP": "one, *.two",
            "AIGW_LIMITS_MAX_BODY_BYTES": "1_000_000",
        },
        "[server]\nlisten = ':1'\n[log]\nformat = 'json'\n",
    )
    assert settings.server.listen == Tcp("", 9000)
    assert settings.server.workers == 4
    assert settings.limits.total_timeout == 300
    assert settings.log.format == "console"
    assert settings.billing.enabled
    assert settings.upstream.allow_http == ("one", "*.two")
    assert settings.limits.max_body_bytes == 1_000_000
    assert settings.origins["server.listen"] == "AIGW_SERVER_LISTEN"


@pytest.mark.parametrize("text", ["true", "True", "1", "yes", "on"])
def test_booleans_have_the_usual_words(text: str) -> None:
    """A boolean is true by any of the words that people use in an environment."""
    assert configured({"AIGW_BILLING_ENABLED": text}).billing.enabled


def test_a_provider_is_set_by_its_id_in_upper_case() -> None:
    """AIGW_PROVIDERS_<ID>_<KEY> with _ for - reaches the provider, and can declare a custom one alone."""
    settings = configured(
        {
            "AIGW_PROVIDERS_BETA_CLOUD_KEYS": "k1,k2",
            "AIGW_PROVIDERS_MY_MODEL_BASE_URL": "https://models.example/v1",
            "AIGW_PROVIDERS_MY_MODEL_SURFACES": "chat-completions,embeddings",
            "AIGW_PROVIDERS_MY_MODEL_MANAGED_KEYS": "m1",
            "AIGW_PROVIDERS_MY_MODEL_CONNECT_TIMEOUT": "1s",
        }
    )
    beta, custom = settings.provider("beta-cloud"), settings.provider("my-model")
    assert beta is not None
    assert custom is not None
    assert beta.keys == (Secret("k1"), Secret("k2"))
    assert custom.surfaces == ("chat-completions", "embeddings")
    assert (custom.keys, custom.managed_keys, custom.connect_timeout) == ((), (Secret("m1"),), 1)


def test_a_declared_provider_wins_over_a_longer_key() -> None:
    """A provider called …-managed keeps its KEYS although MANAGED_KEYS is a key too."""
    file = "[providers.my-managed]\nbase_url = 'https://h.example'\nsurfaces = ['chat-completions']\n"
    provider = configured({"AIGW_PROVIDERS_MY_MANAGED_KEYS": "k"}, file).provider("my-managed")
    assert provider is not None
    assert provider.keys == (Secret("k"),)


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    """The variable with _FILE names a file that holds the value; a list may have a line each."""
    (tmp_path / "keys").write_text("k1\nk2\n")
    (tmp_path / "keys").chmod(0o600)
    (tmp_path / "workers").write_text("3\n")
    settings = configured(
        {
            "AIGW_PROVIDERS_ALPHA_KEYS_FILE": str(tmp_path / "keys"),
            "AIGW_SERVER_WORKERS_FILE": str(tmp_path / "workers"),
        }
    )
    assert settings.providers[0].keys == (Secret("k1"), Secret("k2"))
    assert settings.server.workers == 3
    assert settings.origins["server.workers"] == "AIGW_SERVER_WORKERS_FILE"


def test_a_value_and_its_file_may_not_both_be_set() -> None:
    """Two sources for one value are a contradiction, not a matter of order."""
    assert "AIGW_LOG_LEVEL is set too" in refused({"AIGW_LOG_LEVEL": "info", "AIGW_LOG_LEVEL_FILE": "/x"})


def test_a_world_readable_secret_file_is_refused(tmp_path: Path) -> None:
    """The _FILE form has the same rule for secrets as references have."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o644)
    message = refused({"AIGW_ACCESS_KEY_FILE": str(tmp_path / "token")})
    assert "every user can read" in message
    assert TOKEN not in message


def test_the_access_key_variable_declares_a_key_named_env() -> None:
    """AIGW_ACCESS_KEY is enough to have one access key without any scope."""
    (access_key,) = configured({"AIGW_ACCESS_KEY": f" {TOKEN}\n"}).access_keys
    assert (access_key.name, access_key.key, access_key.providers) == ("env", Secret(TOKEN), None)


def test_the_files_declaration_of_the_same_token_counts() -> None:
    """`key = "${AIGW_ACCESS_KEY}"` in the file declares that key once, with the file's name and scope."""
    file = "[[access_keys]]\nname = 'app'\nkey = '${AIGW_ACCESS_KEY}'\nproviders = ['alpha']\n"
    settings = configured({"AIGW_ACCESS_KEY": TOKEN}, file)
    assert [(key.name, key.providers) for key in settings.access_keys] == [("app", ("alpha",))]
    assert settings.origins["access_keys[0].key"] == "given.toml"
    assert not any(place.startswith("access_keys[1]") for place in settings.origins)


def test_another_key_in_the_file_stands_beside_it() -> None:
    """AIGW_ACCESS_KEY adds to the file's access keys, and may not take the name of one."""
    file = "[[access_keys]]\nname = 'NAME'\nkey = 'abcdefghijklmnopqrstuvwxyz'\n"
    names = [key.name for key in configured({"AIGW_ACCESS_KEY": TOKEN}, file).access_keys]
    assert names == ["NAME", "env"]
    assert "another access key is named 'env'" in refused({"AIGW_ACCESS_KEY": TOKEN}, file.replace("NAME", "env"))


def test_the_sealing_key_comes_from_its_variable(tmp_path: Path) -> None:
    """AIGW_SECRET_KEY is a secret of 32 characters or more; unset, there is none."""
    assert configured({}).secret_key is None
    assert configured({"AIGW_SECRET_KEY": "x" * 32}).secret_key == Secret("x" * 32)
    message = refused({"AIGW_SECRET_KEY": "hunter2"})
    assert "AIGW_SECRET_KEY: secret_key: must be visible ASCII characters without spaces, 32" in message
    assert "hunter2" not in message


def test_the_sealing_key_comes_from_a_credential(tmp_path: Path) -> None:
    """The systemd credential aigw-secret-key is the sealing key, unless the variable gives another one."""
    systemd = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert configured(systemd).secret_key is None
    (tmp_path / "aigw-secret-key").write_text("y" * 32 + "\n")
    (tmp_path / "aigw-secret-key").chmod(0o400)
    assert configured(systemd).secret_key == Secret("y" * 32)
    assert configured({**systemd, "AIGW_SECRET_KEY": "x" * 32}).secret_key == Secret("x" * 32)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("AIGW_SERVR_LISTEN", "AIGW_SERVER_LISTEN"),
        ("AIGW_LIMITS_TOTALTIMEOUT", "AIGW_LIMITS_TOTAL_TIMEOUT"),
        ("AIGW_PROVIDERS_ALPHA_KEY", "AIGW_PROVIDERS_ALPHA_KEYS"),
        ("AIGW_ACCESS_KEYS", "AIGW_ACCESS_KEY"),
        ("AIGW_PROVIDERS_ALPHA_HEADERS", ""),
        ("AIGW_PORT", ""),
        ("AIGW_NONSENSE", ""),
    ],
)
def test_an_unknown_variable_stops_the_start(variable: str, meant: str) -> None:
    """A misspelt variable is an error that names what was probably meant and does not show the value."""
    message = refused({variable: "hunter2"})
    assert message.startswith(f"{variable}: unknown variable")
    assert meant in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AIGW_SERVICE_HOST", "10.0.0.1"),
        ("AIGW_SERVICE_PORT", "80"),
        ("AIGW_SERVICE_PORT_HTTP", "80"),
        ("AIGW_PORT", "tcp://10.0.0.1:80"),
        ("AIGW_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("AIGW_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("AIGW_CONTROL_SERVICE_HOST", "10.0.0.1"),
        ("AIGW_SERVER_PORT_8081_TCP_PROTO", "tcp"),
        ("AIGW_CONFIG_HOME", "/home/x/.config/aigw"),
        ("AIGW_RUNTIME_DIR", "/run/x"),
    ],
)
def test_variables_that_others_set_are_no_settings(variable: str, value: str) -> None:
    """A Kubernetes Service called aigw, or Envoy's command of that name, does not stop the start."""
    assert configured({variable: value}) == Settings()


@pytest.mark.parametrize("variable", ["AIGW_ACCESS_KEY", "AIGW_SERVER_LISTEN", "AIGW_PROVIDERS_ALPHA_KEYS"])
def test_an_empty_variable_stops_the_start(variable: str) -> None:
    """A secret or setting that was forgotten is noticed, not taken for a default."""
    assert "is set but empty" in refused({variable: " "})


def test_usual_variables_give_built_in_providers_their_keys() -> None:
    """The first usual variable that is set gives a built-in its key, as it stands."""
    settings = configured({"ALPHA_API_KEY": "", "ALPHA_KEY": "k-${X}", "BETA_API_KEY": "b"})
    assert [(provider.id, provider.keys) for provider in settings.providers] == [
        ("alpha", (Secret("k-${X}"),)),
        ("beta-cloud", (Secret("b"),)),
    ]
    assert settings.origins["providers.alpha.keys"] == "ALPHA_KEY"


@pytest.mark.parametrize("line", ["keys = ['own']", "keys = []", "managed_keys = ['own']", "enabled = false"])
def test_a_section_that_names_keys_or_is_off_takes_none(line: str) -> None:
    """A built-in that names its keys, even none, or is switched off, does not take the usual variable."""
    (provider,) = configured({"ALPHA_API_KEY": "usual"}, f"[providers.alpha]\n{line}\n").providers
    assert Secret("usual") not in provider.keys


def test_a_section_about_something_else_still_takes_the_usual_key() -> None:
    """An override of a base URL does not lose the key of the environment."""
    (provider,) = configured(
        {"ALPHA_API_KEY": "usual"}, "[providers.alpha]\nbase_url = 'https://h.example'\n"
    ).providers
    assert (provider.base_url, provider.keys) == ("https://h.example", (Secret("usual"),))


def test_a_usual_key_that_cannot_be_sent_is_named_by_its_variable() -> None:
    """A key with a line break inside would split a header: it is refused, and not shown."""
    message = refused({"ALPHA_API_KEY": "hunter2\r\nx: y"})
    assert message.startswith("ALPHA_API_KEY: providers.alpha.keys: item 1 must be visible ASCII")
    assert "hunter2" not in message


def test_usual_proxy_variables_count_below_everything() -> None:
    """HTTPS_PROXY and its like set proxies where the configuration says nothing; upper case wins."""
    environ = {
        "HTTPS_PROXY": "http://upper:1",
        "https_proxy": "http://lower:1",
        "http_proxy": "lower:2",
        "NO_PROXY": "a, .b,",
    }
    settings = configured(environ)
    assert settings.upstream.https_proxy == Proxy("upper", 1)
    assert settings.upstream.http_proxy == Proxy("lower", 2)
    assert settings.upstream.no_proxy == ("a", ".b")
    assert settings.origins["upstream.https_proxy"] == "HTTPS_PROXY"
    assert configured(environ, "[upstream]\nhttps_proxy = 'off'\n").upstream.https_proxy is None
    assert configured(environ | {"HTTPS_PROXY": ""}).upstream.https_proxy == Proxy("lower", 1)


def test_a_proxy_of_another_kind_stops_the_start() -> None:
    """A SOCKS proxy in the environment is named as the problem, with its password hidden."""
    message = refused({"HTTPS_PROXY": "socks5://u:hunter2@p:1080"})
    assert message.startswith("HTTPS_PROXY: upstream.https_proxy = 'socks5://***@p:1080': must be the URL of an HTTP")


def test_every_variable_of_the_reference_is_one() -> None:
    """variable_of names a variable for every key but tables and the scope of an access key."""
    without = [name for name in documented_keys() if variable_of(name) is None]
    assert without == [
        "providers.ID.surface_urls",
        "providers.ID.headers",
        "access_keys.name",
        "access_keys.providers",
        "access_keys.models",
    ]

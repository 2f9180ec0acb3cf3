"""The reference page and the example file say what the code does."""

import json
import re
from pathlib import Path

import pytest

from aigw.errors import ConfigError
from aigw.settings import documented_keys, load, variable_of
from aigw.settings.environment import ACCESS_KEY_VARIABLE, SECRET_KEY_VARIABLE
from aigw.settings.keys import Key
from aigw.settings.sources import CONFIG_VARIABLE
from aigw.settings.whole import documented

DOCS = Path(__file__).parents[2] / "docs" / "reference"
PAGE = DOCS / "configuration.md"
EXAMPLE = DOCS / "aigw.example.toml"


def row(name: str, declared: Key) -> str:
    """The row of the page for a key: what the code says about it."""
    default = "–" if declared.default is None else f"`{json.dumps(declared.default)}`"
    variable = variable_of(name)
    cells = (
        f"`{name}`",
        declared.kind.name,
        "required" if declared.required else default,
        f"`{variable}`" if variable else "–",
        declared.doc,
    )
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize(("name", "declared"), list(documented()))
def test_every_key_is_documented_as_it_is(name: str, declared: Key) -> None:
    """Each key's type, default, variable and meaning stand on the page word for word."""
    assert row(name, declared) in PAGE.read_text().splitlines()


def test_the_page_documents_nothing_else() -> None:
    """A key that is gone from the code is gone from the page."""
    named = re.findall(r"^\| `([a-z_]+\.[A-Za-z_.]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert named == documented_keys()


@pytest.mark.parametrize("variable", [ACCESS_KEY_VARIABLE, SECRET_KEY_VARIABLE, CONFIG_VARIABLE])
def test_variables_without_a_section_are_documented(variable: str) -> None:
    """What is read from the environment beside the sections stands on the page too."""
    assert f"| `{variable}` |" in PAGE.read_text()


def test_the_example_of_an_error_is_a_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error shown on the page is the one an operator would see."""
    monkeypatch.chdir(tmp_path)
    Path("aigw.toml").write_text("[limits]\ntotal_timeout = 30\n")
    with pytest.raises(ConfigError) as caught:
        load(None, {"AIGW_SERVR_LISTEN": ":1"})
    lines = str(caught.value).splitlines()
    assert lines[0] in PAGE.read_text()
    assert all(line in PAGE.read_text() for line in lines)


def test_the_example_file_loads_with_its_variables_set() -> None:
    """The example is a working configuration."""
    variables = set(re.findall(r"^[^#]*\$\{([A-Z_]+)\}", EXAMPLE.read_text(), re.MULTILINE))
    environ = {name: f"value-of-{name.lower()}-for-the-test" for name in variables}
    settings = load(EXAMPLE, environ, builtin=("openai",), presets={"vllm": "http://localhost:8000/v1"})
    assert [provider.id for provider in settings.providers] == ["openai", "my-vllm", "house-model"]
    assert [access_key.name for access_key in settings.access_keys] == ["app", "batch"]


def test_the_example_file_does_not_load_without_them() -> None:
    """Each variable of the example that is not set is named."""
    with pytest.raises(ConfigError) as caught:
        load(EXAMPLE, {}, builtin=("openai",), presets={"vllm": "http://localhost:8000/v1"})
    for name in ("OPENAI_API_KEY", "AIGW_ACCESS_KEY", "BATCH_ACCESS_KEY"):
        assert f"refers to ${{{name}}}, but the variable {name} is not set" in str(caught.value)

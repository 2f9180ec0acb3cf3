"""Odd values in odd places."""

import contextlib
from pathlib import Path

import pytest

from aigw.errors import ConfigError
from aigw.settings import Settings, documented_keys, load, variable_of

# As they would be written in TOML; a variable holds the same without the quotes.
ODD = [
    *("0", "-1", "true", "1.5", "nan", "1e400", "2026-01-01T00:00:00Z", "9" * 30),
    *("[]", "[1]", "[[]]", "['']", "[{ a = 1 }]", "{}", "{ a = 1 }", "{ '' = '' }"),
    *("''", "' '", "'x'", '"\\u0000"', '"\\u007f"', '"🙂"', f"'{'x' * 300}'", f"'{'9' * 5000}'"),
    *("'${'", "'${X}'", "'$${'", "'file:/'", "'file:/no'", "'credential:x'", "'off'", "'unix:'"),
    *(
        "'://'",
        "'http://['",
        "'http://[::1'",
        "'https://h:x'",
        "'postgresql://'",
        "'::'",
        "'[:0'",
        "'a:@b:c'",
    ),
]


@pytest.mark.parametrize("name", documented_keys())
def test_no_value_ends_in_another_error(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a key is given, by file or by variable, the answer is a configuration or a ConfigError."""
    monkeypatch.chdir(tmp_path)
    section, _, key = name.rpartition(".")
    table = f"[[{section}]]" if section == "access_keys" else f"[{section.replace('ID', 'mine')}]"
    variable = (variable_of(name) or "").replace("<ID>", "MINE")
    for value in ODD:
        Path("aigw.toml").write_text(f"{table}\n{key} = {value}\n")
        with contextlib.suppress(ConfigError):
            assert isinstance(load(None, {}), Settings)
        Path("aigw.toml").unlink()
        with contextlib.suppress(ConfigError):
            assert isinstance(load(None, {variable: value.strip("'")}), Settings)

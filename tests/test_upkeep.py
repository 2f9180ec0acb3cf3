"""The commands of the store, as an operator calls them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from aigw.cli import FAILED, GOOD, main


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory without variables of ours."""
    monkeypatch.chdir(tmp_path)
    for name in ("AIGW_CONFIG", "AIGW_SECRET_KEY", "AIGW_STORE_URL", "AIGW_SERVER_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """What a command prints as JSON. It must end well."""
    assert main([*arguments, "--json"]) == GOOD
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_store_is_made_and_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`migrate` makes a store, a second time it has nothing to do; `status` tells what is in it, with no secret."""
    assert main(["store", "status"]) == FAILED
    assert "no store" in capsys.readouterr().err
    assert not (here / "aigw-data").exists()
    assert told(capsys, "store", "migrate")["before"] is None
    again = told(capsys, "store", "migrate")
    assert again["before"] == again["version"]
    status = told(capsys, "store", "status")
    assert status["engine"] == "sqlite"
    assert status["rows"]["accounts"] == 2  # type: ignore[index]
    assert main(["store", "status"]) == GOOD
    assert (here / "aigw-data" / "secret-key").read_text().strip() not in capsys.readouterr().out


def test_another_key_for_the_operator(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`operator-key` makes the store and a key; again it makes another key, and keeps the last one's token."""
    first = told(capsys, "store", "operator-key")
    second = told(capsys, "store", "operator-key")
    file = here / "aigw-data" / "operator-key"
    assert first["token"] != second["token"] == file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert told(capsys, "store", "status")["rows"]["api_keys"] == 2  # type: ignore[index]


def test_a_store_moves(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `export` wrote `import` reads, into a new store with the same secret key; files are their owner's alone."""
    told(capsys, "store", "migrate")
    told(capsys, "store", "status")
    assert told(capsys, "store", "export", "all.jsonl")["rows"]
    assert stat.S_IMODE((here / "all.jsonl").stat().st_mode) == 0o600
    assert main(["store", "export", "all.jsonl"]) == FAILED
    assert "cannot be written" in capsys.readouterr().err
    other = ["--set", "server.data_dir=other"]
    assert main(["store", "import", "all.jsonl", *other]) == FAILED
    assert "not the key of this store" in capsys.readouterr().err
    (here / "other" / "secret-key").write_text((here / "aigw-data" / "secret-key").read_text())
    (here / "other" / "store.sqlite").unlink()
    assert told(capsys, "store", "import", "all.jsonl", *other)["rows"]
    assert main(["store", "export", "-", *other]) == GOOD
    assert capsys.readouterr().out == (here / "all.jsonl").read_text()
    assert main(["store", "import", "none", *other]) == FAILED


def test_a_backup(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`backup` copies a SQLite store; for PostgreSQL it says what to use."""
    assert main(["store", "backup", "copy"]) == FAILED
    assert "no store" in capsys.readouterr().err
    told(capsys, "store", "migrate")
    assert told(capsys, "store", "backup", "copy")["bytes"] == (here / "copy").stat().st_size
    assert main(["store", "backup", "more", "--set", "store.url=postgresql://localhost/aigw"]) == FAILED
    assert "pg_dump" in capsys.readouterr().err


def test_secrets_rotate(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A generated key gets a successor with --new; one that is given has to be put in front by whoever gives it."""
    told(capsys, "store", "migrate")
    before = told(capsys, "store", "status")["secretKey"]
    done = told(capsys, "secrets", "rotate", "--new")
    assert done["sealed"] == 1
    assert [f"{each} (generated)" for each in done["noLongerUsed"]] == [before]  # type: ignore[attr-defined]
    assert told(capsys, "secrets", "rotate")["sealed"] == 0
    first, _ = (here / "aigw-data" / "secret-key").read_text().split()
    monkeypatch.setenv("AIGW_SECRET_KEY", f"another-secret-key-of-32-characters,{first}")
    assert main(["secrets", "rotate", "--new"]) == FAILED
    assert "AIGW_SECRET_KEY" in capsys.readouterr().err
    assert told(capsys, "secrets", "rotate")["sealed"] == 1
    monkeypatch.setenv("AIGW_SECRET_KEY", "another-secret-key-of-32-characters")
    assert told(capsys, "store", "status")["secretKey"].endswith("(given)")  # type: ignore[attr-defined]

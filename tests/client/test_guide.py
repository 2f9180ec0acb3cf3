"""The guide's commands, run as they stand, one after the other."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from .conftest import Ask

GUIDE = Path(__file__).parents[2] / "docs/guides/keys-and-providers.md"
# Input, command, where its output goes.
_LINE = re.compile(r"(?:echo (?P<input>\S+) \| )?aigw (?P<words>[^>|]+?)(?: > (?P<file>\S+))?")


def test_the_guide(ask: Ask, clean: Path) -> None:
    """Every command of the guide is good, in the order of the page."""
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).splitlines()
    assert len(lines) > 15
    for line in lines:
        found = _LINE.fullmatch(line)
        assert found, line
        heard = ask(*shlex.split(found["words"]), stdin=found["input"] or "")
        assert heard.code == 0, f"{line}\n{heard.err}"
        if found["file"]:
            (clean / found["file"]).write_text(heard.out)

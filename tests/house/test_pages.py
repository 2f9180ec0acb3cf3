"""The pages lead somewhere, and what they tell a reader to type works."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The names under which a page's headings can be linked to, as GitHub makes them."""
    without_code = _BLOCK.sub("", text)
    titles = re.findall(r"^#+ +(.*?) *$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(text: str) -> Iterator[str]:
    """Where a page leads within the repository."""
    for target in _LINK.findall(_BLOCK.sub("", text)):
        if not re.match(r"https?:|mailto:", target):
            yield target


def test_links_lead_to_pages(pages: Mapping[str, str], root: Path) -> None:
    """Every link between pages has a page at its end, and the heading it names."""
    dead = []
    for name, text in pages.items():
        for target in links(text):
            path, _, anchor = target.partition("#")
            end = (root / name).parent / path if path else root / name
            if not end.exists() or (anchor and anchor not in anchors(end.read_text(encoding="utf-8"))):
                dead.append(f"{name}: {target}")
    assert dead == []


def test_every_page_can_be_reached(pages: Mapping[str, str], root: Path) -> None:
    """From the README every page is a few links away."""
    seen, waiting = set(), [root / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links(page.read_text("utf-8"))]
    missed = {name for name in pages if root / name not in seen}
    assert missed == set()


def blocks(text: str, *languages: str) -> list[str]:
    """The code of a page in these languages."""
    return [code for _, language, code in _BLOCK.findall(text) if language in languages]


def test_shell_blocks_are_shell(pages: Mapping[str, str]) -> None:
    """What is to be typed is well-formed."""
    for name, text in pages.items():
        for code in blocks(text, "sh"):
            checked = subprocess.run(["sh", "-n"], input=code, text=True, capture_output=True, check=False)
            assert checked.returncode == 0, f"{name}: {checked.stderr}\n{code}"


def test_python_blocks_are_python(pages: Mapping[str, str]) -> None:
    """Examples in Python compile."""
    for name, text in pages.items():
        for code in blocks(text, "python"):
            # Examples of asynchronous code stand without the function around them.
            compile(code, name, "exec", flags=0x2000)


def test_toml_blocks_are_toml(pages: Mapping[str, str]) -> None:
    """Examples of configuration can be read."""
    import tomllib

    for name, text in pages.items():
        for code in blocks(text, "toml"):
            assert tomllib.loads(code), name


def test_scripts_named_in_pages_exist(pages: Mapping[str, str], root: Path) -> None:
    """A command of the repository that a page names is there."""
    named = {(name, script) for name, text in pages.items() for script in re.findall(r"\bscripts/\w+", text)}
    assert [(name, script) for name, script in named if not (root / script).exists()] == []


def test_tests_named_in_pages_exist(pages: Mapping[str, str], root: Path) -> None:
    """A page that says what guards a promise names tests that are there."""
    named = {(name, test) for name, text in pages.items() for test in re.findall(r"`(tests/[\w/.]+)`", text)}
    assert named
    missing = [(name, test) for name, test in named if not (root / test).exists()]
    assert [(name, test) for name, test in missing if not test.endswith("/test_name.py")] == []


@pytest.mark.parametrize("script", ["scripts/serve", "scripts/test"])
def test_the_two_commands(pages: Mapping[str, str], script: str) -> None:
    """The README begins with the two commands that everybody needs."""
    assert script in blocks(pages["README.md"], "sh")[0]

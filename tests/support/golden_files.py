"""The golden files on the disk: compared with what the translation makes today, or rewritten."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from pathlib import Path

from .golden import FOLDER, Case, cases, leftovers, made


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `scripts/golden`: 0 where nothing differs or all was rewritten, else 1."""
    parser = argparse.ArgumentParser(prog="golden", description="Golden files of the translation between formats.")
    parser.add_argument("parts", nargs="*", metavar="PART", help="only cases whose name holds one of these")
    parser.add_argument("--update", action="store_true", help="rewrite the expected files; read the difference after")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the cases lie")
    asked = parser.parse_args(arguments)
    wanted = [case for case in cases(asked.folder) if not asked.parts or any(part in str(case) for part in asked.parts)]
    if not wanted:
        print("no such case")
        return 1
    gone = [] if asked.parts else leftovers(asked.folder)
    return _update(wanted, gone) if asked.update else _compare(wanted, gone)


def difference(case: Case) -> str:
    """A unified diff from the expected file to what is made today; empty where they are the same."""
    expected = _read(case.expected)
    today = made(case)
    if expected == today:
        return ""
    lines = difflib.unified_diff(
        expected.splitlines(keepends=True), today.splitlines(keepends=True), f"{case} as expected", f"{case} today"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _compare(wanted: list[Case], gone: list[Path]) -> int:
    differences = [text for text in map(difference, wanted) if text]
    print("".join(differences), end="")
    for path in gone:
        print(f"{path.name}: no case expects this")
    print(f"{len(wanted)} cases, {len(differences)} differ")
    return 1 if differences or gone else 0


def _update(wanted: list[Case], gone: list[Path]) -> int:
    changed = 0
    for case in wanted:
        today = made(case)
        if _read(case.expected) != today:
            changed += 1
            case.expected.write_bytes(today.encode())
            print(f"rewritten: {case}")
    for path in gone:
        path.unlink()
        print(f"removed: {path.name}")
    print(f"{len(wanted)} cases, {changed} rewritten")
    return 0


def _read(path: Path) -> str:
    """A file as it is, its line ends included; empty where there is none."""
    return path.read_bytes().decode() if path.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main())

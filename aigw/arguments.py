"""What can be written behind a command: its flags, and what they mean."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aigw.settings import Tcp

Run = Callable[[argparse.Namespace], int]


def command(commands: Any, name: str, run: Run, help: str, example: str) -> argparse.ArgumentParser:
    """One more command."""
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}.",
        epilog=f"example: {example}",
        allow_abbrev=False,
    )
    made.set_defaults(run=run)
    return made


def json_flag(command: argparse.ArgumentParser) -> None:
    """It can print JSON."""
    command.add_argument("--json", action="store_true", help="print JSON")


def configurable(command: argparse.ArgumentParser) -> None:
    """It reads the configuration."""
    command.add_argument(
        "--config", "-c", type=Path, metavar="FILE", help="configuration file ($AIGW_CONFIG, else ./aigw.toml)"
    )
    command.add_argument(
        "--set",
        action="append",
        type=_assignment,
        default=[],
        metavar="KEY=VALUE",
        help="set one key, as in limits.total_timeout=30s; may be repeated",
    )


def _assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: write KEY=VALUE, as in limits.total_timeout=30s")
    return key.strip(), value


def tcp(text: str) -> Tcp:
    """An address of TCP. Raises argparse.ArgumentTypeError."""
    from aigw.settings import Tcp
    from aigw.settings.addresses import BadAddress, parse_address

    try:
        address = parse_address(text)
    except BadAddress as bad:
        raise argparse.ArgumentTypeError(f"{text!r} {bad}") from None
    if not isinstance(address, Tcp):
        raise argparse.ArgumentTypeError(f"{text!r}: the sandbox listens on TCP alone, as in 127.0.0.1:9000")
    return address


def overrides(options: argparse.Namespace) -> dict[str, str]:
    """The keys that the command line sets, by their dotted names; a flag of its own wins over --set."""
    given = dict(options.set)
    for flag in ("listen", "control", "workers"):
        if getattr(options, flag, None) is not None:
            given[f"server.{flag}"] = getattr(options, flag)
    return given

"""The commands. Exit codes: 0 good, 1 failed, 2 wrong usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from aigw import __version__
from aigw.errors import AigwError

GOOD, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except AigwError as error:
        print(f"aigw: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        return GOOD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aigw",
        description="A self-hosted AI gateway.",
        epilog="example: aigw serve --config aigw.toml",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    serve = _command(commands, "serve", _serve, "run the gateway", "aigw serve --listen 127.0.0.1:8080")
    _configurable(serve)
    serve.add_argument("--listen", metavar="ADDRESS", help="address of the data plane (server.listen)")
    serve.add_argument("--control", metavar="ADDRESS", help="address of health and metrics (server.control)")
    serve.add_argument("--workers", metavar="N", help="number of processes (server.workers)")
    worker = commands.add_parser("worker")
    worker.add_argument("channel", type=int)
    worker.set_defaults(run=_worker)
    check = _command(commands, "check", _check, "print the effective configuration", "aigw check --config aigw.toml")
    _configurable(check, json=True)
    explain = _command(
        commands, "explain", _explain, "show the candidates of a model, and why", "aigw explain openai:gpt-4o"
    )
    explain.add_argument("model", help="a model as a caller writes it")
    explain.add_argument("--surface", default="chat-completions", help="the surface it is asked on")
    explain.add_argument("--key", help="name of the access key whose scope applies (the first one declared)")
    _configurable(explain, json=True)
    models = _command(commands, "models", _models, "list the models of the catalog", "aigw models --provider openai")
    models.add_argument("--provider", help="only this provider's")
    models.add_argument("search", nargs="?", default="", help="only ids that contain this")
    models.add_argument("--json", action="store_true", help="print JSON")
    sandbox = _command(
        commands, "sandbox", _sandbox, "run the provider simulator alone", "aigw sandbox --listen 127.0.0.1:9000"
    )
    sandbox.add_argument("--listen", default="127.0.0.1:9000", metavar="ADDRESS", help="where it listens")
    version = _command(commands, "version", _version, "print the version", "aigw version --json")
    version.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], help: str, example: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=f"{help[0].upper()}{help[1:]}.", epilog=f"example: {example}"
    )
    made.set_defaults(run=run)
    return made


def _configurable(command: argparse.ArgumentParser, *, json: bool = False) -> None:
    command.add_argument("--config", "-c", type=Path, metavar="FILE", help="configuration file (./aigw.toml)")
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a key, as in limits.total_timeout=30s"
    )
    if json:
        command.add_argument("--json", action="store_true", help="print JSON")


def overrides(options: argparse.Namespace) -> dict[str, str]:
    """The keys that the command line sets. Raises ConfigError for a --set without `=`."""
    from aigw.errors import ConfigError

    given: dict[str, str] = {}
    for pair in options.set:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set {pair}: write KEY=VALUE, as in limits.total_timeout=30s")
        given[key.strip()] = value
    for flag in ("listen", "control", "workers"):
        if getattr(options, flag, None) is not None:
            given[f"server.{flag}"] = getattr(options, flag)
    return given


def _serve(options: argparse.Namespace) -> int:
    from aigw import compose
    from aigw.serve import serve

    return serve(compose.load_settings(options.config, None, overrides(options)))


def _worker(options: argparse.Namespace) -> int:
    from aigw.supervisor import work

    return work(options.channel)


def _check(options: argparse.Namespace) -> int:
    from aigw import compose
    from aigw.settings import describe

    settings = compose.load_settings(options.config, None, overrides(options))
    compose.snapshot_of(settings)
    described = describe(settings)
    if options.json:
        print_json({"source": settings.source, "settings": described})
        return GOOD
    rows = [(key, _plain(entry["value"]), entry["origin"]) for key, entry in described.items()]
    print(f"configuration: {settings.source}")
    print_table(("KEY", "VALUE", "FROM"), rows)
    return GOOD


def _explain(options: argparse.Namespace) -> int:
    from aigw import compose
    from aigw.explain import explain

    settings = compose.load_settings(options.config, None, overrides(options))
    answer = explain(settings, options.model, options.surface, options.key)
    if options.json:
        print_json(answer)
    elif answer["candidates"]:
        rows = [
            (each["provider"], each["model"], each["key"], each["url"], each["why"]) for each in answer["candidates"]
        ]
        print_table(("PROVIDER", "MODEL", "KEY", "URL", "WHY"), rows)
    else:
        print(f"no candidate: {answer['refusal']['code']}: {answer['refusal']['message']}")
    return GOOD if answer["candidates"] else FAILED


def _models(options: argparse.Namespace) -> int:
    from aigw.catalog import Catalog

    search = options.search.casefold()
    found = [each for each in Catalog.load().models(options.provider) if search in each.id.casefold()]
    if options.json:
        print_json([model_entry(each) for each in found])
        return GOOD
    rows = [
        (
            each.provider,
            each.id,
            _count(each.context_window),
            _count(each.max_output),
            _rate(each.price.input if each.price else None),
            _rate(each.price.output if each.price else None),
            ",".join(sorted(each.surfaces)),
        )
        for each in found
    ]
    print_table(("PROVIDER", "MODEL", "CONTEXT", "OUTPUT", "$/M IN", "$/M OUT", "SURFACES"), rows)
    return GOOD if rows else FAILED


def model_entry(model: Any) -> dict[str, Any]:
    """One model of the catalog as JSON."""
    price = model.price
    return {
        "provider": model.provider,
        "id": model.id,
        "name": model.name,
        "contextWindow": model.context_window,
        "maxOutput": model.max_output,
        "input": sorted(model.input),
        "output": sorted(model.output),
        "surfaces": sorted(model.surfaces),
        "capabilities": sorted(model.capabilities),
        "refused": sorted(model.refuses()),
        "inputPrice": None if price is None or price.input is None else str(price.input),
        "outputPrice": None if price is None or price.output is None else str(price.output),
    }


def _sandbox(options: argparse.Namespace) -> int:
    from aigw.serve import serve_sandbox

    host, _, port = options.listen.rpartition(":")
    if not port.isdigit():
        print(f"aigw: --listen {options.listen}: write HOST:PORT", file=sys.stderr)
        return USAGE
    return serve_sandbox(host or "127.0.0.1", int(port))


def _version(options: argparse.Namespace) -> int:
    if options.json:
        print_json({"version": __version__, "python": sys.version.split()[0]})
    else:
        print(f"aigw {__version__}")
    return GOOD


def print_json(value: Any) -> None:
    """JSON for people and programs."""
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(len(str(row[at])) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, *rows):
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _rate(value: Any) -> str:
    return "" if value is None else str(value)

"""The commands. Exit codes: 0 good, 1 failed, 2 wrong usage."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigw import __version__
from aigw.arguments import Run, command, configurable, json_flag, overrides, tcp
from aigw.client.parsing import add_commands, add_plain, asks_gateway
from aigw.errors import AigwError, ConfigError
from aigw.printing import print_json, print_table

if TYPE_CHECKING:
    from aigw.catalog import Model

GOOD, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _parser(next((each for each in arguments if not each.startswith("-")), ""))
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    run: Run = options.run
    try:
        code = run(options)
        sys.stdout.flush()
        return code
    except AigwError as error:
        print(f"aigw: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        # Whoever read has seen enough, as `aigw models | head` has; the flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD


# -- what can be written on a command line ----------------------------------------------------------------------------


def _parser(called: str | None = None) -> argparse.ArgumentParser:
    """The whole command line; with `called` (the command that was written) as much as that one needs."""
    parser = argparse.ArgumentParser(
        prog="aigw",
        description="A self-hosted AI gateway.",
        epilog="example: aigw serve --config aigw.toml",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _serve_command(commands)
    check = command(commands, "check", _check, "print the effective configuration", "aigw check --config aigw.toml")
    configurable(check)
    json_flag(check)
    _explain_command(commands)
    models = command(commands, "models", _models, "list the models of the catalog", "aigw models --provider openai")
    models.add_argument("--provider", metavar="ID", help="only this provider's")
    models.add_argument("search", nargs="?", default="", help="only ids that contain this")
    json_flag(models)
    sandbox = command(
        commands, "sandbox", _sandbox, "run the provider simulator alone", "aigw sandbox --listen 127.0.0.1:9000"
    )
    sandbox.add_argument(
        "--listen", type=tcp, default="127.0.0.1:0", metavar="ADDRESS", help="where it listens (a free port)"
    )
    json_flag(sandbox)
    _conformance_command(commands)
    _store_commands(commands)
    add_commands(commands, _ask, called)
    add_plain(commands, _ask)
    version = command(commands, "version", _version, "print the version", "aigw version --json")
    json_flag(version)
    # Without a help text it is in no list: it is how the gateway starts its own processes.
    worker = commands.add_parser("worker")
    worker.add_argument("channel", type=int)
    worker.set_defaults(run=_worker)
    return parser


def _serve_command(commands: Any) -> None:
    serve = command(commands, "serve", _serve, "run the gateway", "aigw serve --listen 127.0.0.1:8080 --workers 4")
    configurable(serve)
    serve.add_argument("--listen", metavar="ADDRESS", help="address of the data plane (server.listen)")
    serve.add_argument("--control", metavar="ADDRESS", help="address of the control API, or off (server.control)")
    serve.add_argument("--workers", metavar="N", help="number of processes (server.workers)")
    serve.add_argument("--quiet", "-q", action="store_true", help="do not explain on stderr how to call it")


def _explain_command(commands: Any) -> None:
    explain = command(
        commands, "explain", _explain, "show the candidates of a model, and why", "aigw explain openai:gpt-4o"
    )
    explain.add_argument("model", nargs="+", help="a model as a caller writes it, then its fallbacks (`models`)")
    explain.add_argument("--surface", default="chat-completions", metavar="NAME", help="the surface it is asked on")
    explain.add_argument(
        "--key", metavar="NAME", help="name of a declared access key whose scope applies (the first one declared)"
    )
    explain.add_argument(
        "--running",
        action="store_true",
        help="ask the running gateway, which knows the store, too (as --access-key, --account and --url do)",
    )
    explain.add_argument(
        "--access-key",
        metavar="NAME",
        help="id or name of an access key of the running gateway (one that may call everything)",
    )
    asks_gateway(explain)


def _conformance_command(commands: Any) -> None:
    kit = command(
        commands,
        "conformance",
        _conformance,
        "test whether a gateway tells the truth when its upstream fails, with the official SDKs",
        "aigw conformance http://127.0.0.1:4000 --upstream http://127.0.0.1:9000 --key sk-1234",
    )
    kit.add_argument("url", help="root URL of the gateway under test, without /v1")
    reached = "http://HOST:PORT under which that gateway reaches the sandbox"
    kit.add_argument("--upstream", required=True, metavar="URL", help=reached)
    kit.add_argument("--listen", type=tcp, metavar="ADDRESS", help="where the sandbox listens (as --upstream says)")
    kit.add_argument("--key", default="aigw-conformance", metavar="KEY", help="what the callers send as their key")
    repeated: dict[str, Any] = {"action": "append", "default": []}
    kit.add_argument("--model", **repeated, metavar="NAME", help="model to ask for, or FORMAT=NAME (sandbox-small)")
    kit.add_argument("--format", **repeated, metavar="FORMAT", help="only chat, responses, messages, gemini")
    kit.add_argument("--fault", **repeated, metavar="NAME", help="only this fault; may be repeated")
    kit.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="then a call counts as hung (30)")
    kit.add_argument("--at-once", type=int, default=8, metavar="N", help="calls at the same time (8)")
    json_flag(kit)


def _store_commands(commands: Any) -> None:
    store = command(commands, "store", _store, "look after the store", "aigw store backup aigw-backup.sqlite")
    verbs = store.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, help, file in (
        ("migrate", "make the store, or bring it to this version", None),
        ("status", "tell where the store is and what it holds", None),
        ("operator-key", "make a new API key for the operator, kept in data_dir and shown once", None),
        ("backup", "copy a SQLite store, also while it is in use", "where the copy goes: a new file"),
        ("export", "write everything, secrets sealed, as lines of JSON", "a new file, or - for standard output"),
        ("import", "fill a new store with an export", "the export, or - for standard input"),
    ):
        made = command(verbs, verb, _store, help, f"aigw store {verb}{' FILE' if file else ''}")
        if file:
            made.add_argument("file", type=Path, metavar="FILE", help=file)
        configurable(made)
        json_flag(made)
    secrets = command(commands, "secrets", _secrets, "look after the secrets in the store", "aigw secrets rotate")
    rotate = command(
        secrets.add_subparsers(dest="verb", metavar="VERB", required=True),
        "rotate",
        _secrets,
        "seal every secret anew with the first secret key",
        "aigw secrets rotate --new",
    )
    rotate.add_argument("--new", action="store_true", help="generate that key first, where the gateway made its own")
    configurable(rotate)
    json_flag(rotate)


# -- the commands -----------------------------------------------------------------------------------------------------


def _serve(options: argparse.Namespace) -> int:
    from aigw.declared import load_settings
    from aigw.serve import serve

    given = overrides(options)
    return serve(load_settings(options.config, None, given), given, quiet=options.quiet)


def _worker(options: argparse.Namespace) -> int:
    from aigw.worker import work

    return work(options.channel)


def _check(options: argparse.Namespace) -> int:
    from aigw import check

    try:
        checked = check.check(options.config, overrides(options))
    except ConfigError as error:
        if not options.json:
            raise
        print_json({"valid": False, "problems": check.problems(error)})
        return FAILED
    if options.json:
        print_json({"valid": True, **checked})
        return GOOD
    print(f"configuration: {checked['settings']['source']}")
    print_table(("KEY", "VALUE", "FROM"), check.rows(checked["settings"]))
    for note in checked["notes"]:
        print(f"note: {note}")
    return GOOD


def _explain(options: argparse.Namespace) -> int:
    if options.running or options.url or options.account is not None or options.access_key is not None:
        return _ask(options)
    from aigw import explanation
    from aigw.declared import load_settings
    from aigw.explain import explain

    settings = load_settings(options.config, None, overrides(options))
    answer = explain(settings, options.model, options.surface, options.key)
    if options.json:
        print_json(answer)
    else:
        explanation.show(answer)
    return GOOD if answer["candidates"] else FAILED


def _models(options: argparse.Namespace) -> int:
    from aigw.catalog import Catalog

    catalog = Catalog.load()
    ids = [each.id for each in catalog.providers()]
    if options.provider not in (None, *ids):
        raise ConfigError(f"--provider {options.provider}: not in the catalog; there are {', '.join(ids)}")
    search = options.search.casefold()
    found = [each for each in catalog.models(options.provider) if search in each.id.casefold()]
    if options.json:
        print_json([model_entry(each) for each in found])
    elif found:
        head = ("PROVIDER", "MODEL", "CONTEXT", "OUTPUT", "$/M IN", "$/M OUT", "SURFACES")
        print_table(head, [_model_row(each) for each in found])
    else:
        print(f"aigw: no model of the catalog has {options.search!r} in its id", file=sys.stderr)
    return GOOD if found else FAILED


def model_entry(model: Model) -> dict[str, Any]:
    """One model of the catalog as JSON; limits in tokens, prices in US dollars per million as exact decimals."""
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


def _model_row(model: Model) -> tuple[str, ...]:
    told = model_entry(model)
    figures = (told[name] for name in ("contextWindow", "maxOutput", "inputPrice", "outputPrice"))
    return (
        model.provider,
        model.id,
        *("?" if each is None else str(each) for each in figures),
        ",".join(told["surfaces"]),
    )


def _sandbox(options: argparse.Namespace) -> int:
    from aigw.serve import serve_sandbox

    return serve_sandbox(options.listen, as_json=options.json)


def _conformance(options: argparse.Namespace) -> int:
    from aigw.conformance.callers import FORMATS
    from aigw.conformance.command import Options, run

    listen = options.listen
    return run(
        Options(
            url=options.url,
            upstream=options.upstream,
            key=options.key,
            listen=None if listen is None else (listen.host, listen.port),
            models=tuple(options.model),
            formats=tuple(options.format) or FORMATS,
            faults=tuple(options.fault),
            timeout=options.timeout,
            at_once=options.at_once,
            json=options.json,
        )
    )


def _store(options: argparse.Namespace) -> int:
    from aigw import upkeep
    from aigw.declared import load_settings

    settings = load_settings(options.config, None, overrides(options))
    with_file = {"backup": upkeep.backup, "export": upkeep.export, "import": upkeep.restore}
    if options.verb in with_file:
        told = with_file[options.verb](settings, options.file)
    else:
        plain = {"migrate": upkeep.migrate, "status": upkeep.status, "operator-key": upkeep.operator}
        told = plain[options.verb](settings)
    if options.verb != "export" or options.file != upkeep.STDIO:
        _print_told(told, options.json)
    return GOOD


def _secrets(options: argparse.Namespace) -> int:
    from aigw import upkeep
    from aigw.declared import load_settings

    told = upkeep.rotate(load_settings(options.config, None, overrides(options)), new=options.new)
    _print_told(told, options.json)
    return FAILED if told["unreadable"] else GOOD


def _print_told(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        inner = value if isinstance(value, dict) else {"": ", ".join(value) if isinstance(value, list) else value}
        for key, each in inner.items():
            print(f"{name} {key}".ljust(32), "" if each is None else each)


def _ask(options: argparse.Namespace) -> int:
    from aigw.client.run import run

    return run(options)


def _version(options: argparse.Namespace) -> int:
    if options.json:
        print_json({"version": __version__, "python": sys.version.split()[0]})
    else:
        print(f"aigw {__version__}")
    return GOOD

"""What can be written behind the commands that ask the control API?"""

from __future__ import annotations

import argparse
from typing import Any

from aigw.arguments import Run, command, configurable, json_flag
from aigw.client import resources
from aigw.client.resources import CREATE, DELETE, DISCOVER, LIST, ROTATE, SET, SHOW, UPDATE, Resource

_HELP = {
    LIST: "list {plural}",
    SHOW: "show one {noun}",
    CREATE: "make {a} {noun}",
    UPDATE: "change {a} {noun}: what no flag names stays",
    DELETE: "delete {plural}",
    ROTATE: "give {a} {noun} another value under the same id",
    DISCOVER: "list the models that {a} {noun} says it has",
    SET: "change them: what no flag names stays",
}
_HELP_ONE = {SHOW: "show them"}


def add_plain(commands: Any, run: Run) -> None:
    """The commands without verbs."""
    for name, purpose, written in (
        (
            resources.WHOAMI,
            "tell whose the API key is, and which account it works in",
            "aigw whoami --account research",
        ),
        (resources.RELOAD, "make a running gateway read its configuration again", "aigw reload --config aigw.toml"),
    ):
        asks_gateway(command(commands, name, run, purpose, written))


def add_commands(commands: Any, run: Run, called: str | None = None) -> None:
    """A command for each resource. With `called` only that one gets its verbs: the others are for the list alone."""
    for resource in resources.RESOURCES:
        made = command(
            commands, resource.command, run, resources.PURPOSES[resource.command], example(resource, resource.verbs[0])
        )
        if called in (None, resource.command):
            _fill(made, resource, run)


def example(resource: Resource, verb: str) -> str:
    """How a verb of it is called."""
    given = dict(resource.examples).get(verb)
    if given is None:
        given = "" if verb == LIST or resource.one else "NAME"
    return f"aigw {resource.command} {verb} {given}".rstrip()


def _fill(made: argparse.ArgumentParser, resource: Resource, run: Run) -> None:
    verbs = made.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in resource.verbs:
        text = (_HELP_ONE if resource.one else {}).get(verb, _HELP[verb])
        article = "an" if resource.noun[0] in "aAeEiIoO" else "a"
        words = text.format(noun=resource.noun, plural=_plural(resource.noun), a=article)
        parser = command(verbs, verb, run, words, example(resource, verb))
        parser.set_defaults(resource=resource, parser=parser)
        _of_verb(parser, resource, verb)
        asks_gateway(parser)


def _plural(noun: str) -> str:
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


def _of_verb(parser: argparse.ArgumentParser, resource: Resource, verb: str) -> None:
    if verb in (SHOW, UPDATE, ROTATE, DISCOVER) and not resource.one:
        parser.add_argument("id", metavar="NAME", help="its id, or a name that no other has")
    if verb == DELETE:
        parser.add_argument("id", nargs="+", metavar="NAME", help="ids, or names that no other has")
    if verb == LIST:
        _listing(parser, resource)
    if verb in resources.WRITES:
        _writing(parser, resource, verb)
    _of_secrets(parser, resource, verb)
    if verb == DISCOVER:
        parser.add_argument("--apply", action="store_true", help="add those that are missing to the provider")
    if verb not in (LIST, SHOW):
        parser.add_argument("--no-wait", action="store_true", help="do not wait until every worker knows of it")
    if not resource.one and verb not in (SHOW, DISCOVER):
        parser.add_argument("--quiet", "-q", action="store_true", help="print ids alone")


def _listing(parser: argparse.ArgumentParser, resource: Resource) -> None:
    parser.add_argument("--limit", type=_positive, metavar="N", help="at most so many, newest first")
    for flag, query, help in resource.filters:
        word = "NAME" if flag in ("--name", "--alias") else "ID"
        parser.add_argument(flag, dest=f"filter_{query}", metavar=word, help=help)
    if resource is resources.AUDIT:
        parser.add_argument("--everywhere", action="store_true", help="with an operator's key: changes in all accounts")


def _of_secrets(parser: argparse.ArgumentParser, resource: Resource, verb: str) -> None:
    if verb == ROTATE or (verb == CREATE and resource.value):
        parser.add_argument(
            "--value-file", metavar="FILE", help="file with the upstream's key, - for standard input; else it is asked"
        )
    if verb == CREATE and resource.token:
        parser.add_argument("--token-file", metavar="FILE", help="write the token into this new file, for you alone")


def _writing(parser: argparse.ArgumentParser, resource: Resource, verb: str) -> None:
    flags = [each for each in resource.flags if verb == CREATE or not each.fixed]
    for flag in flags:
        more: dict[str, Any] = {"action": "append"} if flag.repeated else {}
        need = " (needed)" if flag.required and verb == CREATE and not resource.document else ""
        repeat = "; may be repeated" if flag.repeated else ""
        parser.add_argument(flag.flag, dest=flag.dest, metavar=flag.metavar, help=f"{flag.help}{repeat}{need}", **more)
    if resource.document:
        parser.add_argument(
            "--from",
            dest="document",
            metavar="FILE",
            help="its fields from a file of JSON or TOML, - for standard input; flags win",
        )
    if verb in (UPDATE, SET):
        words = [each.word for each in flags if not each.required]
        parser.add_argument(
            "--clear",
            action="append",
            default=[],
            choices=words,
            metavar="FLAG",
            help=f"take a value away: {', '.join(words)}; may be repeated",
        )


def asks_gateway(parser: argparse.ArgumentParser) -> None:
    """It asks the control API: where, with which key, for which account."""
    where = parser.add_argument_group("the gateway")
    where.add_argument(
        "--url",
        metavar="URL",
        help="control address: http://…, https://… or unix:/path ($AIGW_CONTROL_URL, else server.control)",
    )
    where.add_argument(
        "--api-key-file",
        metavar="FILE",
        help="file with an API key, - for standard input ($AIGW_API_KEY, $AIGW_API_KEY_FILE, else the operator's)",
    )
    where.add_argument(
        "--account", metavar="NAME", help="with an operator's key: the account ($AIGW_ACCOUNT, else default)"
    )
    configurable(parser)
    json_flag(parser)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number above 0")
    return int(text)

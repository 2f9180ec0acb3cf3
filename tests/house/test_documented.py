"""What can be set, called, read or met as an error is documented: code and reference name the same things."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from aigw import cli, errors
from aigw.control import documents, health, problems, table
from aigw.front import routes
from aigw.observe import families, fields
from aigw.observe.families import Family
from aigw.settings import documented_keys

Reference = Mapping[str, str]


def named(page: str) -> set[str]:
    """What stands in backticks in the first column of a page's tables."""
    return {
        name for row in re.findall(r"^\| *(`[^|]*`) *\|", page, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }


def test_every_setting_is_documented(reference: Reference) -> None:
    """The page of the configuration has every key."""
    assert set(documented_keys()) <= named(reference["configuration"])


def test_every_metric_is_documented(reference: Reference) -> None:
    """The page of the metrics has every family, and no other of our own."""
    known = {value.name for value in vars(families).values() if isinstance(value, Family)}
    assert known <= named(reference["metrics"])
    assert {name for name in named(reference["metrics"]) if name.startswith("aigw_")} <= known


def test_every_log_field_is_documented(reference: Reference) -> None:
    """The page of the log has every field of a request and of an attempt."""
    assert {*fields.FIELDS, *fields.TRIED_FIELDS} <= named(reference["log"])


def test_every_event_is_documented(reference: Reference, root: Path) -> None:
    """The page of the log has every event that the gateway tells of itself, so that alarms can be written."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (root / "aigw").rglob("*.py"))
    events = set(re.findall(r'get_logger\(\)\s*\.\w+\(\s*"(\w+)"', sources))
    assert len(events) > 20
    assert events <= named(reference["log"])


def refusals(kind: type[errors.Refusal] = errors.Refusal) -> Iterator[type[errors.Refusal]]:
    """Every kind of error the gateway answers by itself."""
    for each in kind.__subclasses__():
        yield each
        yield from refusals(each)


def chosen(value: ast.expr) -> Iterator[ast.AST]:
    """The parts of an expression that may be its value: what is read by a name from elsewhere is not."""
    yield value
    if not isinstance(value, ast.Call):
        for part in ast.iter_child_nodes(value):
            if isinstance(part, ast.expr):
                yield from chosen(part)


def codes_in(source: str) -> Iterator[str]:
    """Codes given where an error is made (`code="…"`), chosen by a condition, or told as Trouble's second value."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        given: list[ast.expr] = [word.value for word in node.keywords if word.arg == "code"]
        if isinstance(node.func, ast.Name) and node.func.id == "Trouble":
            given += node.args[1:2]
        for value in given:
            for part in chosen(value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


@pytest.fixture(scope="module")
def codes(modules: Mapping[str, Path]) -> set[str]:
    """Every error code the data plane can answer with."""
    rooms = ("aigw/errors.py", "aigw/front/", "aigw/relay/", "aigw/routing/", "aigw/wire/")
    sources = [path.read_text(encoding="utf-8") for name, path in modules.items() if name.startswith(rooms)]
    return {kind.code for kind in refusals()} | {code for source in sources for code in codes_in(source)}


def test_codes_are_found() -> None:
    """A code is seen as a word, behind a condition, and in a Trouble."""
    source = 'NotFound("x", code="a")\nf(code="b" if y else None)\nTrouble(502, "c", "m")\nf(code=code)\nf(code=d("e"))'
    assert set(codes_in(source)) == {"a", "b", "c"}


def test_every_error_code_is_documented(reference: Reference, codes: set[str]) -> None:
    """The page of errors has exactly the codes there are."""
    documented = {
        name for name in named(reference["errors"]) if re.fullmatch(r"[a-z]+(_[a-z]+)+|timeout|overloaded", name)
    }
    assert documented == codes


def test_every_status_is_documented(reference: Reference) -> None:
    """The status beside a code is the one the code has."""
    for kind in refusals():
        assert re.search(rf"^\| `{kind.code}` \| {kind.status} ", reference["errors"], re.MULTILINE), kind


@pytest.mark.parametrize(("method", "path"), routes.DOCUMENTED)
def test_every_data_route_is_documented(reference: Reference, method: str, path: str) -> None:
    """The page of the API has every method and path of the data plane."""
    assert f"{method} {path}" in named(reference["api"])


@pytest.mark.parametrize(("method", "path"), health.DOCUMENTED)
def test_every_control_route_is_documented(reference: Reference, method: str, path: str) -> None:
    """The page of the API has every method and path of the control listener."""
    assert f"{method} {path}" in named(reference["api"])


def test_the_control_api_is_documented(reference: Reference) -> None:
    """The page of the control API has exactly its routes, those that anybody may read, and its error codes."""
    names = named(reference["control-api"])
    read = {f"GET {path}" for path in (documents.DOCUMENT, documents.PAGE)}
    told = {name for name in names if re.match(r"(GET|POST|DELETE|PUT|PATCH) /", name)}
    assert told == {f"{route.method} {route.path}" for route in table.routes()} | read
    for code, (status, _) in problems.CODES.items():
        assert re.search(rf"^\| `{code}` \| {status} ", reference["control-api"], re.MULTILINE), code


def test_no_other_route_is_documented(reference: Reference) -> None:
    """A route that is gone from the code is gone from the page."""
    known = {f"{method} {path}" for method, path in (*routes.DOCUMENTED, *health.DOCUMENTED)}
    assert {name for name in named(reference["api"]) if re.match(r"(GET|POST|DELETE|PUT|PATCH) /", name)} == known


def commands() -> dict[str, argparse.ArgumentParser]:
    """The commands that help lists; those without a help text are for the gateway's own processes."""
    for action in cli._parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            shown = {choice.dest for choice in action._choices_actions}
            return {name: parser for name, parser in action.choices.items() if name in shown}
    raise AssertionError("the command line has no commands")


@pytest.mark.parametrize("name", commands())
def test_every_command_is_documented(reference: Reference, name: str) -> None:
    """The page of the command line has a section for each command, with its arguments, flags and an example."""
    section = re.search(rf"^## `aigw {name}.*?(?=^## |\Z)", reference["cli"], re.MULTILINE | re.DOTALL)
    assert section, name
    assert f"$ aigw {name}" in section[0]
    for action in commands()[name]._actions:
        shown = max(action.option_strings, key=len) if action.option_strings else action.dest.upper()
        if shown != "--help":
            assert shown in section[0], f"aigw {name} {shown}"


def test_no_other_command_is_documented(reference: Reference) -> None:
    """A command that is gone from the code is gone from the page."""
    assert set(re.findall(r"^## `aigw ([a-z-]+)", reference["cli"], re.MULTILINE)) == set(commands())


def test_every_command_of_the_pages_is_understood(pages: Mapping[str, str]) -> None:
    """A call of `aigw` in a shell block of any page is one that the command line takes."""
    calls = [
        (name, line)
        for name, text in pages.items()
        for block in re.findall(r"^ *```(?:sh|console)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
        for line in re.findall(r"^ *(?:\$ )?aigw +([a-z][^|>#&;\n]*)", block.replace("\\\n", " "), re.MULTILINE)
    ]
    assert calls
    for name, line in calls:
        try:
            cli._parser().parse_args(line.split())
        except SystemExit as end:
            raise AssertionError(f"{name}: aigw {line}") from end

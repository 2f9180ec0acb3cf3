"""Tests mirror the source: whoever changes a module knows where its tests stand."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest

# Module → where its rules are tested instead. These have one of three reasons: they are seen through one door alone
# (a kind of setting by what a file with it does); they hold data that other tests compare with; or they are the parts
# of a thing that is tested as a whole, from outside.
ELSEWHERE: Mapping[str, str] = {
    "aigw/__main__.py": "tests/house/test_packaging.py: the command of a wheel and of a clone",
    "aigw/arguments.py": "tests/test_cli.py: commands as they are written",
    "aigw/client/bodies.py": "tests/client/test_run.py: what commands send, by what becomes of it",
    "aigw/conformance/callers/chat.py": "tests/conformance/test_play.py: each SDK against the sandbox",
    "aigw/conformance/callers/gemini.py": "tests/conformance/test_play.py: each SDK against the sandbox",
    "aigw/conformance/callers/messages.py": "tests/conformance/test_play.py: each SDK against the sandbox",
    "aigw/conformance/callers/responses.py": "tests/conformance/test_play.py: each SDK against the sandbox",
    "aigw/control/asking.py": "tests/control/test_discovery.py: whatever upstreams answer",
    "aigw/control/known.py": "tests/control/test_configurations.py: providers that can be named, and those that cannot",
    "aigw/control/rules.py": "tests/control/test_configurations.py: rules as a caller writes them",
    "aigw/control/surfaces.py": "tests/control/test_providers.py: what a provider is said to serve",
    "aigw/control/message.py": "tests/control/test_framing.py: data, by what reads it",
    "aigw/control/shapes.py": "tests/control/test_openapi.py: types, by what the document says of them",
    "aigw/control/table.py": "tests/control/test_routes.py: the whole table",
    "aigw/control/gateway.py": "tests/control/test_explain.py: data, by who is asked",
    "aigw/observe/descriptor.py": "tests/observe/test_outlet.py: its only user",
    "aigw/observe/exposition.py": "tests/observe/test_metrics.py: what a scrape shows",
    "aigw/observe/families.py": "tests/house/test_documented.py: data, compared with the reference",
    "aigw/observe/series.py": "tests/observe/test_metrics.py: what a scrape shows",
    "aigw/observe/totals.py": "tests/observe/test_metrics.py: what a scrape of several workers shows",
    "aigw/relay/call.py": "tests/relay/test_attempt.py: both halves of an attempt",
    "aigw/sandbox/embedding.py": "tests/sandbox/test_plain.py: embeddings as they are answered",
    "aigw/sandbox/errors.py": "tests/sandbox/test_faults.py: errors as they are answered",
    "aigw/sandbox/openai_input.py": "tests/sandbox/test_chat.py: what requests lack or misuse",
    "aigw/sandbox/reply.py": "tests/sandbox/test_staging.py: replies as they are staged",
    "aigw/sandbox/routes.py": "tests/sandbox/test_server.py: paths as they are asked",
    "aigw/sandbox/talk.py": "tests/sandbox/test_realtime.py: conversations from outside",
    "aigw/settings/keys.py": "tests/settings/test_parts.py: keys by the sections that declare them",
    "aigw/settings/kinds.py": "tests/settings/test_odd_values.py: kinds by what a file may say",
    "aigw/settings/nouns.py": "tests/settings/test_parts.py: names by what a file may say",
    "aigw/settings/problems.py": "tests/settings/test_loading.py: problems as an operator reads them",
    "aigw/settings/sources.py": "tests/settings/test_loading.py: which source wins",
    "aigw/settings/whole.py": "tests/settings/test_loading.py: the result",
    "aigw/store/checks.py": "tests/store/test_specs.py: what cannot be kept",
    "aigw/store/columns.py": "tests/store/test_contract.py: what is read is what was written",
    "aigw/store/configurations.py": "tests/store/test_contract.py: what configurations name",
    "aigw/store/keys.py": "tests/store/test_contract.py: the three kinds of keys",
    "aigw/store/patches.py": "tests/store/test_contract.py: what a patch keeps, clears and replaces",
    "aigw/store/providers.py": "tests/store/test_contract.py: names that are unique, models that keep their ids",
    "aigw/store/records.py": "tests/store/test_contract.py: data, by what gives it",
    "aigw/store/schema.py": "tests/store/test_migrating.py: compared with what the migrations make",
    "aigw/store/sql.py": "tests/store/test_contract.py: the store as a whole",
    "aigw/store/migrations/v0001_tables.py": "tests/store/test_migrating.py: what the steps make, in both databases",
    "aigw/store/migrations/v0002_presets_and_names.py": "tests/store/test_migrating.py: as the one before",
    "aigw/wire/counting.py": "tests/front/test_translated.py: counts as callers get them",
    "aigw/wire/embedding.py": "tests/front/test_translated.py: embeddings as callers get them",
    "aigw/wire/ending.py": "tests/wire/test_guard.py: how streams ended, by what the guard says",
    "aigw/wire/message.py": "tests/front/test_familiar.py: no code, the shape of what aiohttp's parser gives",
    "aigw/wire/schema_leaf.py": "tests/wire/test_openapi_schema.py: schemas as a whole",
    "aigw/wire/schema_words.py": "tests/wire/test_openapi_schema.py: data, by what reads it",
    "aigw/wire/shapes.py": "tests/wire/test_counts.py: data, by what reads it",
    "aigw/wire/openai_error.py": "tests/wire/formats/chat/test_words.py: the errors of the formats that share it",
}


FORMATS = ("wire", "formats")


def mirror(module: str) -> str:
    """Where the tests of a module stand: `aigw/wire/sse.py` → `tests/wire/test_sse.py`.

    The parts of a wire format are tested together, from outside: by what is read and what is written.
    """
    path = PurePosixPath(module)
    folders = path.parts[1:-1] if path.parts[0] == "aigw" else path.parts[:-1]
    if folders[:2] == FORMATS and len(folders) > len(FORMATS):
        return str(PurePosixPath("tests", *folders))
    return str(PurePosixPath("tests", *folders, f"test_{path.name}"))


def is_source(name: str) -> bool:
    """Whether a file is a module of the product; packages' own files only gather names."""
    return name.startswith(("aigw/", "providers/")) and not name.endswith("__init__.py")


@pytest.mark.parametrize(
    ("module", "test"),
    [
        ("aigw/secret.py", "tests/test_secret.py"),
        ("aigw/wire/formats/chat/words.py", "tests/wire/formats/chat"),
        ("providers/groq.py", "tests/providers/test_groq.py"),
    ],
)
def test_the_mirror(module: str, test: str) -> None:
    """The folders of tests are the rooms of the house."""
    assert mirror(module) == test


def test_every_module_has_its_tests(modules: Mapping[str, Path]) -> None:
    """A module has a test module of its name, or stands in the list with the place of its tests."""
    sources = [name for name in modules if is_source(name)]
    tested = {*modules, *(str(PurePosixPath(name).parent) for name in modules)}
    assert [name for name in sources if mirror(name) not in tested and name not in ELSEWHERE] == []


def test_the_list_is_true(modules: Mapping[str, Path], root: Path) -> None:
    """What stands in the list exists, has no test module of its own, and its tests stand where the list says."""
    for name, place in ELSEWHERE.items():
        assert name in modules, name
        assert mirror(name) not in modules, name
        assert (root / place.partition(":")[0]).exists(), place


def test_every_test_says_its_rule(modules: Mapping[str, Path]) -> None:
    """The docstring of a test is the rule it guards, in a sentence."""
    without = [
        f"{name}:{node.lineno} {node.name}"
        for name, path in modules.items()
        if name.startswith("tests/") and path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert without == []

"""Golden files of the translation: what callers and providers say, and what every other format makes of it.

The cases are data, below a folder (`tests/wire/golden`, whose README says how it is laid out). Whatever is random in a
translation (ids, the time) is the same in every run here.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import attrs

from aigw.errors import Refusal
from aigw.wire.dialect import Dialect
from aigw.wire.formats import load
from aigw.wire.lane import Asking, BackLane
from aigw.wire.losses import Ledger, Loss

FOLDER = Path(__file__).parents[1] / "wire" / "golden"
NAMES = ("chat", "responses", "messages", "gemini")
EXPECTED = ".expected"
MODEL = "a-model"
WIDTH = 110
# Streams arrive in pieces of this many bytes: a prime, so that events are cut anywhere.
PIECE = 61

# What a Responses object repeats of its request.
_ECHO = """
background conversation instructions max_output_tokens max_tool_calls metadata parallel_tool_calls previous_response_id
prompt prompt_cache_key prompt_cache_retention reasoning safety_identifier store temperature text tool_choice tools
top_logprobs top_p truncation user
"""
ECHO = frozenset(_ECHO.split())

# Who stands for the providers of a format: signatures that bear such a maker's name are its own.
DIALECTS = {
    "chat": Dialect(
        maker="openrouter",
        limit_member="max_completion_tokens",
        developer=True,
        thinking_back="reasoning_details",
        custom_tools=True,
    ),
    "responses": Dialect(maker="openai", developer=True, custom_tools=True),
    "messages": Dialect(maker="anthropic"),
    "gemini": Dialect(maker="google"),
}


formats = cache(load)


@attrs.frozen
class Case:
    """One given file: `kind` is the folder (requests, answers, streams, errors), `format` who says it."""

    kind: str
    feature: str
    format: str
    given: Path

    @property
    def expected(self) -> Path:
        """Where it is written what the formats make of it."""
        return self.given.with_name(f"{self.given.stem}{EXPECTED}{self.given.suffix}")

    def __str__(self) -> str:
        return f"{self.kind}/{self.feature}/{self.format}"


def cases(folder: Path = FOLDER) -> list[Case]:
    """Every case, in a fixed order."""
    return [
        Case(path.parts[-3], path.parts[-2], path.stem, path)
        for path in sorted(folder.glob("*/*/*"))
        if path.stem in NAMES and path.suffix in (".json", ".sse")
    ]


def leftovers(folder: Path = FOLDER) -> list[Path]:
    """Expected files without a case."""
    known = {case.expected for case in cases(folder)}
    return [path for path in sorted(folder.glob(f"*/*/*{EXPECTED}.*")) if path not in known]


def made(case: Case) -> str:
    """What the formats make of a case today, as its expected file would have it."""
    with steady():
        return _MAKERS[case.kind](case)


# -- each kind of case ------------------------------------------------------------------------------------------------


def _request(case: Case) -> str:
    made: dict[str, Any] = {}
    for target in NAMES:
        try:
            asking = _asking(case.format, case.given.read_bytes(), stream=case.feature == "streamed")
            body, lane = asking.ask(formats()[target], _dialect(case, target))
        except Refusal as refusal:
            made[target] = {"refused": refusal.message, "param": refusal.param}
        else:
            made[target] = _with_losses({"body": json.loads(body)}, lane.ledger.entries)
    return pretty(made) + "\n"


def _answer(case: Case) -> str:
    made: dict[str, Any] = {}
    for caller in NAMES:
        lane = _lane(case, caller)
        try:
            body = json.loads(lane.whole(case.given.read_bytes()))
        except ValueError as error:
            made[caller] = {"unreadable": str(error)}
        else:
            made[caller] = _with_losses({"body": _brief(case, body)}, lane.ledger.entries)
    return pretty(made) + "\n"


def _stream(case: Case) -> str:
    text = ""
    given = case.given.read_bytes()
    for caller in NAMES:
        lane = _lane(case, caller)
        said = b"".join(lane.feed(given[at : at + PIECE]) for at in range(0, len(given), PIECE)) + lane.finish()
        notes = [f"to {caller}", *map(_said, lane.ledger.entries)]
        if lane.failed is not None:
            notes.append(f"failed: {lane.failed}")
            said += formats()[caller].stream_error(lane.failed)
        elif not lane.finished:
            notes.append("without an end")
        text += "".join(f": {note}\n" for note in notes) + "\n" + _brief_events(case, said.decode()) + "\n"
    return text


def _error(case: Case) -> str:
    given = json.loads(case.given.read_bytes())
    body = given["body"]
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    trouble = formats()[case.format].read_error(given["status"], data)
    made: dict[str, Any] = {"read": attrs.asdict(trouble)}
    for caller in NAMES:
        made[caller] = json.loads(formats()[caller].error(trouble))
    return pretty(made) + "\n"


_MAKERS: dict[str, Callable[[Case], str]] = {
    "requests": _request,
    "answers": _answer,
    "streams": _stream,
    "errors": _error,
}


def _asking(caller: str, body: bytes, *, stream: bool) -> Asking:
    given = json.loads(body)
    stream = stream or given.get("stream") is True
    return Asking(formats()[caller], body, given.get("model", MODEL), stream=stream)


def _lane(case: Case, caller: str) -> BackLane:
    """The way back of an answer to what `asked/CALLER.json` asks, or the feature's own `asked-CALLER.json`."""
    own = case.given.with_name(f"asked-{caller}.json")
    asked = own if own.exists() else case.given.parents[2] / "asked" / f"{caller}.json"
    asking = _asking(caller, asked.read_bytes(), stream=case.kind == "streams")
    lane: BackLane = asking.back(formats()[case.format], _dialect(case, case.format), Ledger())
    return lane


def _dialect(case: Case, target: str) -> Dialect:
    """The dialect of a format's provider, with what the feature's `dialect.json` says otherwise."""
    own = case.given.with_name("dialect.json")
    differing = json.loads(own.read_bytes()) if own.exists() else {}
    if "refused" in differing:
        differing["refused"] = frozenset(differing["refused"])
    return attrs.evolve(DIALECTS[target], model=MODEL, **differing)


# -- how it is written ------------------------------------------------------------------------------------------------


def _brief(case: Case, said: Any) -> Any:
    """A Responses object without what it only repeats of the request; the feature `echo` has that in full."""
    if not isinstance(said, dict) or case.feature == "echo":
        return said
    if "response" in said:
        return {**said, "response": _brief(case, said["response"])}
    return {name: value for name, value in said.items() if said.get("object") != "response" or name not in ECHO}


def _brief_events(case: Case, said: str) -> str:
    lines = said.split("\n")
    for at, line in enumerate(lines):
        if line.startswith("data: {") and '"object":"response"' in line:
            event = _brief(case, json.loads(line.removeprefix("data: ")))
            lines[at] = "data: " + json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return "\n".join(lines)


def _with_losses(said: dict[str, Any], losses: Iterable[Loss]) -> dict[str, Any]:
    told = list(map(_said, losses))
    return {**said, "losses": told} if told else said


def _said(loss: Loss) -> str:
    return f"{loss.action} {loss.pointer or '(no place)'}: {loss.reason}"


def pretty(value: Any, indent: str = "") -> str:
    """JSON that a reader can follow: what fits stands on one line, in the order it was written in."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + len(indent) <= WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    deeper = indent + "  "
    if isinstance(value, list):
        lines = [deeper + pretty(item, deeper) for item in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    lines = [f"{deeper}{json.dumps(key, ensure_ascii=False)}: {pretty(item, deeper)}" for key, item in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


@contextmanager
def steady() -> Iterator[None]:
    """Ids count up and the clock stands still."""
    formats()  # no module may take over what stands in here for a while
    # Counted in front: whoever makes a short id takes the beginning.
    made = uuid.UUID
    ids = (made(f"{number:0>8}{0:024}") for number in count(1))
    clock = mock.patch.object(time, "time", return_value=1_700_000_000.0)
    # What `uuid4` makes, as modules may have the function itself.
    with clock, mock.patch.object(uuid, "UUID", side_effect=lambda **_: next(ids)):
        yield

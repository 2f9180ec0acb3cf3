"""What a caller was left with: an answer, an exception, or nothing within its patience."""

from __future__ import annotations

from typing import Any

import orjson
from attrs import asdict, field, frozen


@frozen
class Heard:
    """An answer as an app understands it from an SDK, in no dialect.

    `ended` is `stop`, `length`, `tool`, `refusal`, another word the SDK told, or None. `calls` are names with their
    arguments as sorted JSON. `used` is tokens in and out, None when none were told. `idents` are the ids the answer
    went by. `starts` counts how often it began. `told` is an error that came as an event, without an exception.
    """

    text: str = ""
    ended: str | None = None
    calls: tuple[tuple[str, str], ...] = ()
    used: tuple[int, int] | None = None
    idents: tuple[str, ...] = ()
    starts: int = 1
    told: str | None = None


@frozen
class Outcome:
    """How a call ended, exactly one of: `heard` an answer, `raised` an exception, `hung`, `unusable` was what came."""

    heard: Heard | None = None
    raised: str | None = None
    hung: bool = False
    unusable: str | None = None

    def dump(self) -> dict[str, Any]:
        """As JSON, for another process."""
        return asdict(self)

    @classmethod
    def load(cls, told: dict[str, Any]) -> Outcome:
        """Read back what was dumped."""
        heard = told["heard"]
        if heard is not None:
            calls = tuple((name, arguments) for name, arguments in heard["calls"])
            used = tuple(heard["used"]) if heard["used"] else None
            heard = Heard(**heard | {"calls": calls, "used": used, "idents": tuple(heard["idents"])})
        return cls(**told | {"heard": heard})


@frozen
class Ask:
    """One question: to a model, streamed or not, with tools or not. `word` makes it known to the upstream."""

    model: str
    word: str
    streamed: bool = True
    tools: bool = False

    @property
    def text(self) -> str:
        """The question itself."""
        return f"use both tools in parallel {self.word}" if self.tools else f"Say {self.word}"


@frozen
class Tool:
    """A tool on offer, in no dialect."""

    name: str
    about: str
    schema: dict[str, Any] = field(factory=dict)


CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = (Tool("get_weather", "Weather", CITY), Tool("get_time", "Time", {"type": "object", "properties": {}}))


def arguments_of(text: str) -> str:
    """Arguments as they compare: sorted JSON, or the text itself where it is none."""
    try:
        return orjson.dumps(orjson.loads(text or "{}"), option=orjson.OPT_SORT_KEYS).decode()
    except ValueError:
        return text


def once(values: list[Any]) -> tuple[str, ...]:
    """The ids among some values, each once, in order."""
    return tuple(dict.fromkeys(str(value) for value in values if value))

"""How the API tells which surfaces a provider serves: each with the format that it speaks and what it accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, get_args

from msgspec import UNSET, Meta, UnsetType

from aigw import adapter
from aigw.control.shapes import Body, Shown
from aigw.store.errors import Invalid
from aigw.store.specs import Surface

Word = Literal[
    "chat-completions",
    "responses",
    "messages",
    "count-tokens",
    "gemini",
    "completions",
    "embeddings",
    "moderations",
    "rerank",
    "images",
    "audio",
    "realtime",
]
Format = Literal["openai", "anthropic", "gemini"]
ORDER: tuple[str, ...] = get_args(Word)
OPENAI, ANTHROPIC, GEMINI = get_args(Format)

# Every surface that is not named is one of OpenAI's.
_FORMATS: Mapping[str, str] = {adapter.MESSAGES: ANTHROPIC, adapter.COUNT_TOKENS: ANTHROPIC, adapter.GEMINI: GEMINI}
ParameterName = Annotated[str, Meta(min_length=1, max_length=255)]


class ParameterBody(Body):
    """A member of requests that the models take."""

    name: ParameterName


class SurfaceBody(Body):
    """An API that a provider serves. `format` follows from `surface`, and has to fit it where it is given.

    Of requests only the members in `supportedParams` are sent on; an empty list, as none at all: nothing is known.
    """

    surface: Word
    format: Format | UnsetType = UNSET
    supported_params: Annotated[list[ParameterBody], Meta(max_length=1000)] | None = None


class ParameterShown(Shown):
    """A member of requests that the models take."""

    name: str


class SurfaceShown(Shown):
    """An API that a provider serves."""

    format: str
    surface: str
    supported_params: list[ParameterShown]


def format_of(surface: str) -> str:
    """Whose API a surface is."""
    return _FORMATS.get(surface, OPENAI)


def surfaces_of(bodies: Sequence[SurfaceBody]) -> tuple[Surface, ...]:
    """What a caller says a provider serves. Raises Invalid."""
    seen: set[str] = set()
    for at, each in enumerate(bodies):
        format = format_of(each.surface)
        if each.format not in (UNSET, format):
            raise Invalid(f"surfaces[{at}].format", f"must be {format}: {each.surface} speaks that")
        if each.surface in seen:
            raise Invalid(f"surfaces[{at}].surface", f"{each.surface} is there twice")
        seen.add(each.surface)
    return tuple(_surface(each) for each in bodies)


def _surface(body: SurfaceBody) -> Surface:
    names = tuple(dict.fromkeys(each.name for each in body.supported_params or ()))
    return Surface(format_of(body.surface), body.surface, names or None)


def served(words: Iterable[str]) -> tuple[Surface, ...]:
    """Surfaces by their words alone, in the usual order."""
    return tuple(Surface(format_of(each), each) for each in sorted(words, key=ORDER.index))


def shown(surfaces: Iterable[Surface]) -> list[SurfaceShown]:
    """As a caller is told of them."""
    return [
        SurfaceShown(
            format=format_of(each.surface),
            surface=each.surface,
            supported_params=[ParameterShown(name=name) for name in each.parameters or ()],
        )
        for each in surfaces
    ]

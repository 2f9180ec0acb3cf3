"""From method and path to an operation. The raw path decides, nothing is decoded or normalised before: `//`, `..`,
`%2f` and absolute targets name nothing here.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import unquote

import attrs

from aigw import operations
from aigw.adapter import Operation
from aigw.errors import MethodNotAllowed, NotFound


class Intake(enum.Enum):
    """What a request's body is."""

    JSON = "json"
    FORM = "form"
    NONE = "none"
    TUNNEL = "tunnel"


@attrs.frozen
class Route:
    """An operation, how its body is read, and what the path says: a model (Gemini) or a stored object's id."""

    operation: Operation
    intake: Intake = Intake.JSON
    model: str | None = None
    id: str = ""


@attrs.frozen
class ModelsRoute:
    """A models list, or one model of it, answered by the gateway itself."""

    gemini: bool = False
    model: str | None = None


_FORMS = (operations.IMAGES_EDIT, operations.TRANSCRIPTIONS, operations.TRANSLATIONS)
_JSON = (
    operations.CHAT,
    operations.RESPONSES,
    operations.MESSAGES,
    operations.COUNT_TOKENS,
    operations.COMPLETIONS,
    operations.EMBEDDINGS,
    operations.MODERATIONS,
    operations.RERANK,
    operations.IMAGES_GENERATE,
    operations.SPEECH,
)
_FIXED: dict[str, Route] = {f"/v1/{operation.path}": Route(operation) for operation in _JSON} | {
    f"/v1/{operation.path}": Route(operation, Intake.FORM) for operation in _FORMS
}
_STORED = {
    ("GET", ""): Route(operations.RESPONSE_GET, Intake.NONE),
    ("DELETE", ""): Route(operations.RESPONSE_DELETE, Intake.NONE),
    ("POST", "cancel"): Route(operations.RESPONSE_CANCEL, Intake.NONE),
    ("GET", "input_items"): Route(operations.RESPONSE_ITEMS, Intake.NONE),
}
_GEMINI_VERBS = {
    operation.path.rpartition(":")[2]: operation
    for operation in operations.ALL
    if operation.path.startswith("models/{model}:")
}
# Ids of stored responses; with a dot in front one could climb out of the provider's path.
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.:-]{0,255}")

_VERBS = tuple(f":{verb}" for verb in _GEMINI_VERBS)

# What the documentation lists; the house test compares it with the tables above.
DOCUMENTED = (
    *(("POST", path) for path in _FIXED),
    *((method, "/v1/responses/{id}" + (f"/{sub}" if sub else "")) for method, sub in _STORED),
    *(("POST", f"/v1beta/models/{{model}}:{verb}") for verb in _GEMINI_VERBS),
    ("GET", "/v1/realtime"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{id}"),
    ("GET", "/v1beta/models"),
    ("GET", "/v1beta/models/{id}"),
)


def route(method: str, path: str) -> Route | ModelsRoute:
    """What a request asks for. Raises NotFound or MethodNotAllowed (with an Allow header)."""
    exact = _EXACT.get(path)
    if exact is not None:
        if method not in exact[0]:
            _refuse(method, path, ", ".join(exact[0]))
        return exact[1]
    for root, below in _BELOW:
        if path.startswith(root):
            return below(method, path, root)
    raise NotFound(
        f"There is nothing at {shown(path)}. The gateway serves /v1/chat/completions, /v1/responses, /v1/messages,"
        " /v1beta/models/{model}:generateContent, /v1/embeddings, /v1/models and more: see docs/reference/api.md."
    )


def _stored(method: str, path: str, root: str) -> Route:
    id, slash, sub = path.removeprefix(root).partition("/")
    allowed = [verb for verb, name in _STORED if name == sub and bool(slash) == bool(name)]
    if not _ID.fullmatch(id) or not allowed:
        raise NotFound(f"There is nothing at {shown(path)}; a stored response has /cancel and /input_items.")
    if method not in allowed:
        _refuse(method, path, ", ".join(allowed))
    return attrs.evolve(_STORED[method, sub], id=id)


def _below_models(method: str, path: str, root: str) -> Route | ModelsRoute:
    name, colon, verb = path.removeprefix(root).rpartition(":")
    operation = _GEMINI_VERBS.get(verb) if colon and name else None
    if operation is not None:
        if method != "POST":
            _refuse(method, path, "POST")
        return Route(operation, model=unquote(name))
    gemini = root.startswith("/v1beta")
    if gemini and method == "POST":
        raise NotFound(f"There is nothing at {shown(path)}; a model has the verbs {', '.join(sorted(_GEMINI_VERBS))}.")
    if method not in _LISTED:
        _refuse(method, path, ", ".join(_LISTED))
    return ModelsRoute(gemini=gemini, model=unquote(path.removeprefix(root)))


_LISTED = ("GET", "HEAD")
# Whole paths with their methods, and what stands below others.
_EXACT: dict[str, tuple[tuple[str, ...], Route | ModelsRoute]] = {
    **{path: (("POST",), found) for path, found in _FIXED.items()},
    "/v1/realtime": (("GET",), Route(operations.REALTIME, Intake.TUNNEL)),
    "/v1/models": (_LISTED, ModelsRoute()),
    "/v1beta/models": (_LISTED, ModelsRoute(gemini=True)),
}
# Gemini's SDK asks under its default version or the stable one.
_BELOW: tuple[tuple[str, Callable[[str, str, str], Route | ModelsRoute]], ...] = (
    ("/v1/responses/", _stored),
    ("/v1beta/models/", _below_models),
    ("/v1/models/", _below_models),
)


def _refuse(method: str, path: str, allowed: str) -> NoReturn:
    raise MethodNotAllowed(f"{shown(path)} takes {allowed}, not {method[:32]}.", headers=(("allow", allowed),))


def shown(path: str) -> str:
    """A path for an error message: bounded, printable."""
    return "".join(char if char.isprintable() and char.isascii() else "?" for char in path[:200])


def format_of(path: str, anthropic: bool) -> str:
    """The format that errors at a path are written in, also where the path names nothing.

    `anthropic` says that the request names a version of Anthropic's API.
    """
    if path.startswith("/v1/messages"):
        return "messages"
    if path.startswith(("/v1beta", "/v1alpha")) or (path.startswith("/v1/models/") and path.endswith(_VERBS)):
        return "gemini"
    if path.startswith("/v1/responses"):
        return "responses"
    return "messages" if anthropic and path not in _FIXED else "chat"

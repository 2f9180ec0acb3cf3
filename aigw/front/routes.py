"""From method and path to an operation. The raw path decides, nothing is decoded or normalised before: `//`, `..`,
`%2f` and absolute targets name nothing here.
"""

from __future__ import annotations

import enum
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
_REALTIME = Route(operations.REALTIME, Intake.TUNNEL)
# The prefixes under which Gemini's SDK asks: its default version and the stable one.
_GEMINI_ROOTS = ("/v1beta/models/", "/v1/models/")

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
    fixed = _FIXED.get(path)
    if fixed is not None:
        if method != "POST":
            _refuse(method, path, "POST")
        return fixed
    if path.startswith("/v1/responses/"):
        return _stored(method, path)
    if path == "/v1/realtime":
        if method != "GET":
            _refuse(method, path, "GET")
        return _REALTIME
    if path in ("/v1/models", "/v1beta/models"):
        return _models(method, path, ModelsRoute(gemini=path.startswith("/v1beta/")))
    for root in _GEMINI_ROOTS:
        if path.startswith(root):
            return _below_models(method, path, root)
    raise NotFound(
        f"There is nothing at {shown(path)}. The gateway serves /v1/chat/completions, /v1/responses, /v1/messages,"
        " /v1beta/models/{model}:generateContent, /v1/embeddings, /v1/models and more: see docs/reference/api.md."
    )


def _stored(method: str, path: str) -> Route:
    parts = path.removeprefix("/v1/responses/").split("/")
    sub = "/".join(parts[1:])
    found = _STORED.get((method, sub))
    if parts[0] and found is not None:
        return attrs.evolve(found, id=unquote(parts[0]))
    allowed = [verb for verb, name in _STORED if name == sub]
    if parts[0] and allowed:
        _refuse(method, path, ", ".join(allowed))
    raise NotFound(f"There is nothing at {shown(path)}; a stored response has /cancel and /input_items.")


def _below_models(method: str, path: str, root: str) -> Route | ModelsRoute:
    name, colon, verb = path.removeprefix(root).rpartition(":")
    operation = _GEMINI_VERBS.get(verb) if colon and name else None
    if operation is not None:
        if method != "POST":
            _refuse(method, path, "POST")
        return Route(operation, model=unquote(name))
    if root == "/v1beta/models/" and method == "POST":
        raise NotFound(f"There is nothing at {shown(path)}; a model has the verbs {', '.join(sorted(_GEMINI_VERBS))}.")
    gemini = root == "/v1beta/models/"
    return _models(method, path, ModelsRoute(gemini=gemini, model=unquote(path.removeprefix(root))))


def _models(method: str, path: str, found: ModelsRoute) -> ModelsRoute:
    if method not in ("GET", "HEAD"):
        _refuse(method, path, "GET, HEAD")
    return found


def _refuse(method: str, path: str, allowed: str) -> NoReturn:
    raise MethodNotAllowed(f"{shown(path)} takes {allowed}, not {method[:32]}.", headers=(("allow", allowed),))


def shown(path: str) -> str:
    """A path for an error message: bounded, printable."""
    return "".join(char if char.isprintable() and char.isascii() else "?" for char in path[:200])


def format_of(path: str, anthropic: bool) -> str:
    """The format that errors at a path are written in, also where the path names nothing."""
    if path.startswith("/v1/messages") or (anthropic and path.startswith("/v1/models")):
        return "messages"
    if path.startswith(("/v1beta", "/v1alpha")) or (path.startswith("/v1/models/") and ":" in path):
        return "gemini"
    return "responses" if path.startswith("/v1/responses") else "chat"

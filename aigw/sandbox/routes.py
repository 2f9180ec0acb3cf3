"""Which surface a path means. What stands before a surface's own path is ignored, so any base URL fits.

`/v1/chat/completions` and `/openai/deployments/NAME/chat/completions` are the same surface.
"""

import re
from collections.abc import Callable, Container
from urllib.parse import unquote

from attrs import frozen

from . import chat, gemini, media, messages, models, plain, realtime, responses
from .errors import ANTHROPIC, GEMINI, OPENAI, Dialect, Refused
from .reply import Call, Reply

Answer = Callable[[Call], Reply]


@frozen
class Route:
    """Where a request goes: who answers, in which dialect errors are told, and what the path itself names."""

    answer: Answer
    dialect: Dialect
    model: str = ""
    target: str = ""


@frozen
class _Pattern:
    method: str
    path: re.Pattern[str]
    answer: Answer
    dialect: Dialect = OPENAI
    needs: str = ""


def _route(method: str, path: str, answer: Answer, dialect: Dialect = OPENAI, needs: str = "") -> _Pattern:
    return _Pattern(method, re.compile(path + "$"), answer, dialect, needs)


_VERBS: dict[str, Answer] = {
    "generateContent": gemini.answer,
    "streamGenerateContent": gemini.stream,
    "countTokens": gemini.count,
    "embedContent": gemini.embed,
    "batchEmbedContents": gemini.embed_batch,
}
_GOOGLE_KEY = "x-goog-api-key"
_LISTED = r"/models(?:/(?P<target>.+))?"
_STORED = r"/responses/(?P<target>[^/]+)"
_PATTERNS = (
    _route("POST", r"/chat/completions", chat.answer),
    _route("POST", r"/messages", messages.answer, ANTHROPIC),
    _route("POST", r"/responses", responses.answer),
    *(_route("POST", rf"/models/(?P<model>.+):{verb}", answer, GEMINI) for verb, answer in _VERBS.items()),
    _route("POST", r"/messages/count_tokens", messages.count, ANTHROPIC),
    _route("GET", _STORED, responses.retrieve),
    _route("DELETE", _STORED, responses.delete),
    _route("POST", _STORED + "/cancel", responses.cancel),
    _route("GET", _STORED + "/input_items", responses.input_items),
    _route("POST", r"/completions", plain.complete),
    _route("POST", r"/embeddings", plain.embed),
    _route("POST", r"/moderations", plain.moderate),
    _route("POST", r"/rerank", plain.rerank),
    _route("POST", r"/images/generations", media.generate_image),
    _route("POST", r"/images/edits", media.edit_image),
    _route("POST", r"/audio/speech", media.speak),
    _route("POST", r"/audio/transcriptions", media.transcribe),
    _route("POST", r"/audio/translations", media.transcribe),
    _route("GET", r"/realtime", realtime.answer),
    _route("GET", r"/v1beta" + _LISTED, gemini.listing, GEMINI),
    # Google's newer SDK asks under /v1; its header tells.
    _route("GET", _LISTED, gemini.listing, GEMINI, needs=_GOOGLE_KEY),
    _route("GET", _LISTED, models.listing),
)


def find(method: str, path: str, headers: Container[str]) -> Route:
    """The route of a path, percent-encoded and without query; `headers` are the names sent, lower case.

    An unknown path gets a route that answers 404, a known one with another method 405, in the likeliest
    dialect.
    """
    known = False
    for pattern in _PATTERNS:
        match = pattern.path.search(path)
        if match is None or (pattern.needs and pattern.needs not in headers):
            continue
        if pattern.method == method:
            named = {key: unquote(value) for key, value in match.groupdict().items() if value}
            return Route(pattern.answer, pattern.dialect, **named)
        known = True
    return Route(_no_method if known else _no_path, _likely(path, headers))


def _likely(path: str, headers: Container[str]) -> Dialect:
    if _GOOGLE_KEY in headers or ("/v1beta/" in path and "/openai/" not in path):
        return GEMINI
    return ANTHROPIC if "anthropic-version" in headers or "/messages" in path else OPENAI


def _no_path(call: Call) -> Reply:
    raise Refused(404, "Invalid URL: the sandbox has nothing there.", "unknown_url")


def _no_method(call: Call) -> Reply:
    raise Refused(405, "Not allowed: this URL wants another method.", "method_not_allowed")

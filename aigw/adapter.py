"""The contract of a provider: which surfaces it serves, where, and how a request must look there.

A provider is one module in `providers/` that contributes one constant `PROVIDER`. It is a value: an
override of its base URL is `attrs.evolve`. The only thing it does is `adapt`, a coroutine, so that a provider
whose credential has to be fetched (a cloud's short-lived token) can await; the others return at once and are
run without a task.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import attrs

from aigw.errors import AttemptFailed
from aigw.records import ProviderKey

CHAT_COMPLETIONS = "chat-completions"
RESPONSES = "responses"
MESSAGES = "messages"
COUNT_TOKENS = "count-tokens"
GEMINI = "gemini"
COMPLETIONS = "completions"
EMBEDDINGS = "embeddings"
MODERATIONS = "moderations"
RERANK = "rerank"
IMAGES = "images"
AUDIO = "audio"
REALTIME = "realtime"

SURFACES = frozenset(
    {
        CHAT_COMPLETIONS,
        RESPONSES,
        MESSAGES,
        COUNT_TOKENS,
        GEMINI,
        COMPLETIONS,
        EMBEDDINGS,
        MODERATIONS,
        RERANK,
        IMAGES,
        AUDIO,
        REALTIME,
    }
)

# Path segments that lead elsewhere (RFC 3986, section 5.2.4): the upstream's other paths, with our credential.
_DOTS = frozenset({".", ".."})

DEFAULT_PORTS = {"http": 80, "https": 443}

# Rendered answers are kept per (operation, key, model, query); a caller can vary only the last two, so the
# bound protects memory from a caller who varies them on purpose.
MAX_RENDERED = 1024


@attrs.frozen
class Operation:
    """One thing an API can be asked for: `path` is relative to the base URL of its surface.

    `{model}` in a path is replaced by the model, `{id}` by the id of a stored object.
    """

    name: str
    surface: str
    format: str
    path: str
    method: str = "POST"


# The hash is kept: every request looks its origin up twice.
@attrs.frozen(order=True, cache_hash=True)
class Origin:
    """Where connections go. Only configuration makes one, never a request."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


# Plain `define`: made once per attempt, and a frozen attrs class costs four times as much to make.
@attrs.define(eq=False)
class Ask:
    """What the gateway wants of a provider in one attempt.

    `model` is the provider's own id; `id` names a stored object; `query` is the caller's query string without
    credentials; `headers` are the caller's, names in any case.
    """

    operation: Operation
    model: str
    key: ProviderKey | None
    headers: Mapping[str, str]
    id: str = ""
    query: str = ""


@attrs.frozen(eq=False)
class Outgoing:
    """How the attempt goes out: where, with which request target and which headers of the provider's own.

    `prefix` is the head up to the caller's headers; it holds the credential and never leaves the relay.
    `drop` names (lower case) caller's headers that this provider must not see; the provider's own headers
    replace the caller's of the same name, so they are in `dropped` too.
    """

    origin: Origin
    target: str
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    method: str = "POST"
    drop: frozenset[str] = frozenset()
    prefix: bytes = attrs.field(init=False, repr=False)
    dropped: frozenset[bytes] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        lines = [f"{self.method} {self.target} HTTP/1.1", f"host: {self.origin.authority}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if any(char in line for line in lines for char in "\r\n\0"):
            raise ValueError("a request target or header of a provider may not hold CR, LF or NUL")
        own = {name.lower() for name, _ in self.headers}
        object.__setattr__(self, "dropped", frozenset(name.encode("ascii") for name in self.drop | own))
        object.__setattr__(self, "prefix", "\r\n".join(lines).encode("latin-1") + b"\r\n")


def origin_of(url: str) -> Origin:
    """The origin of an absolute http(s) URL."""
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"not an absolute http or https URL: {url!r}")
    return Origin(parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme])


def join(base_url: str, path: str, query: str = "") -> str:
    """The request target for `path` under a base URL: the base's own query is kept and comes first."""
    parts = urlsplit(base_url)
    path, _, own = path.partition("?")
    target = f"{parts.path.rstrip('/')}/{path.lstrip('/')}"
    joined = "&".join(part for part in (parts.query, own, query) if part)
    return f"{target}?{joined}" if joined else target


def bearer(key: ProviderKey | None) -> tuple[tuple[str, str], ...]:
    """`Authorization: Bearer` (RFC 6750, section 2.1)."""
    return (("authorization", f"Bearer {key.secret.reveal()}"),) if key else ()


@attrs.frozen(kw_only=True, eq=False)
class Provider:
    """A provider that speaks OpenAI's dialect with a bearer key; others override what differs."""

    id: str
    name: str
    base_url: str
    surfaces: frozenset[str]
    key_variables: tuple[str, ...] = ()
    needs_key: bool = True
    # Surfaces that live under another base URL than the main one.
    surface_urls: Mapping[str, str] = attrs.field(factory=dict)
    # Sent with every request, from the operator's configuration; their values are secrets.
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    # Ids that the catalog does not know, declared by the operator.
    models: tuple[str, ...] = ()
    _rendered: dict[object, Outgoing] = attrs.field(factory=dict, init=False, repr=False)

    async def adapt(self, ask: Ask) -> Outgoing:
        """Where and how this attempt goes out; may await for a credential. Raises AttemptFailed."""
        where = (ask.operation.name, ask.key, ask.model, ask.id, ask.query)
        rendered = self._rendered.get(where)
        if rendered is None:
            rendered = self.render(ask)
            if len(self._rendered) >= MAX_RENDERED:
                self._rendered.clear()
            self._rendered[where] = rendered
        return rendered

    def steady(self, operation: Operation) -> bool:
        """Whether `adapt` gives the same for the same operation, key, model, id and query, for good.

        Then the relay asks it once per candidate. Untrue by default for a provider with an `adapt` of its own: it may
        look at the caller's headers, or fetch a credential that expires.
        """
        return type(self).adapt is Provider.adapt

    def render(self, ask: Ask) -> Outgoing:
        """The same without waiting: everything here depends on operation, key, model, id and query alone."""
        base = self.surface_url(ask.operation.surface)
        return Outgoing(
            origin_of(base),
            join(base, self.path(ask), ask.query),
            self.auth(ask) + self.headers,
            ask.operation.method,
        )

    def surface_url(self, surface: str) -> str:
        """The base URL under which this surface lives."""
        return self.surface_urls.get(surface, self.base_url)

    def path(self, ask: Ask) -> str:
        """The operation's path below the base URL. Raises AttemptFailed for a name that would leave it."""
        path = ask.operation.path.format(model=quote(ask.model, safe="/@"), id=quote(ask.id, safe=""))
        if not _DOTS.isdisjoint(path.partition("?")[0].split("/")):
            raise AttemptFailed("bad_path", f"a path cannot hold {ask.id or ask.model!r}: it would be another path")
        return path

    def auth(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """The headers that carry the credential."""
        return bearer(ask.key)

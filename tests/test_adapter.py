"""The contract of a provider, tried on the plain one: OpenAI's dialect with a bearer key."""

from __future__ import annotations

import attrs
import pytest

from aigw import operations
from aigw.adapter import (
    CALLER_DIALECT_HEADERS,
    CHAT_COMPLETIONS,
    EMBEDDINGS,
    GEMINI,
    MAX_RENDERED,
    MESSAGES,
    RESPONSES,
    Ask,
    Operation,
    Origin,
    Outgoing,
    Provider,
    VersionedMessages,
    bearer,
    join,
    origin_of,
)
from aigw.errors import AttemptFailed
from aigw.records import ProviderKey
from aigw.secret import Secret
from aigw.wire.dialect import Dialect

ORIGIN = Origin("https", "api.example.com", 443)


@pytest.fixture
def provider() -> Provider:
    return Provider(
        id="plain",
        name="Plain",
        base_url="https://api.example.com/v1",
        surfaces=frozenset({CHAT_COMPLETIONS}),
    )


@pytest.fixture
def key() -> ProviderKey:
    return ProviderKey("aigpk_1", "plain", Secret("sk-0123456789"))


def ask(key: ProviderKey | None, model: str = "m", *, id: str = "", query: str = "") -> Ask:
    return Ask(operations.CHAT, model, key, {}, id, query)


@pytest.mark.parametrize(
    ("url", "origin", "authority"),
    [
        ("https://api.example.com/v1", Origin("https", "api.example.com", 443), "api.example.com"),
        ("https://api.example.com:443", Origin("https", "api.example.com", 443), "api.example.com"),
        ("https://API.Example.com:8443/", Origin("https", "api.example.com", 8443), "api.example.com:8443"),
        ("http://127.0.0.1:9000?x=1", Origin("http", "127.0.0.1", 9000), "127.0.0.1:9000"),
        ("http://[::1]/v1", Origin("http", "::1", 80), "[::1]"),
        ("http://[::1]:81", Origin("http", "::1", 81), "[::1]:81"),
    ],
)
def test_origin(url: str, origin: Origin, authority: str) -> None:
    """An origin is scheme, host and port; its authority names the port only when it is not the default."""
    assert origin_of(url) == origin
    assert origin.authority == authority
    assert str(origin) == f"{origin.scheme}://{authority}"


@pytest.mark.parametrize("url", ["", "api.example.com/v1", "/v1", "ftp://a/", "https://", "https://a:x/", "ws://a"])
def test_no_origin(url: str) -> None:
    """What is no absolute http or https URL has no origin."""
    with pytest.raises(ValueError, match=r"."):
        origin_of(url)


@pytest.mark.parametrize(
    ("base", "path", "query", "target"),
    [
        ("https://a/v1", "chat/completions", "", "/v1/chat/completions"),
        ("https://a/v1/", "/chat/completions", "", "/v1/chat/completions"),
        ("https://a", "chat", "", "/chat"),
        ("https://a/", "chat", "x=1", "/chat?x=1"),
        ("https://a/v1?k=1", "chat", "", "/v1/chat?k=1"),
        ("https://a/v1/?k=1", "chat", "x=1&y", "/v1/chat?k=1&x=1&y"),
        ("https://a/v1?k=1", "live?model=m", "x=1", "/v1/live?k=1&model=m&x=1"),
    ],
)
def test_join(base: str, path: str, query: str, target: str) -> None:
    """The path comes first, then the base URL's query, then the path's own, then the caller's."""
    assert join(base, path, query) == target


def test_prefix() -> None:
    """The prefix is the request line, the host and the provider's own headers, each line ended."""
    outgoing = Outgoing(ORIGIN, "/v1/x?y=1", (("Authorization", "Bearer k"), ("x-team", "a")), "GET")
    assert outgoing.prefix == (
        b"GET /v1/x?y=1 HTTP/1.1\r\nhost: api.example.com\r\nAuthorization: Bearer k\r\nx-team: a\r\n"
    )


def test_dropped() -> None:
    """A caller's header goes no further when the provider must not see it or sends its own of that name."""
    outgoing = Outgoing(ORIGIN, "/", (("X-Team", "a"),), drop=frozenset({"openai-beta"}))
    assert outgoing.dropped == {b"x-team", b"openai-beta"}


@pytest.mark.parametrize("char", ["\r", "\n", "\0"])
def test_nothing_splits_a_head(char: str) -> None:
    """Neither a target nor a header can end its line early, whatever was configured or asked for."""
    with pytest.raises(ValueError, match="may not hold CR, LF or NUL"):
        Outgoing(ORIGIN, f"/v1{char}x")
    with pytest.raises(ValueError, match="may not hold CR, LF or NUL"):
        Outgoing(ORIGIN, "/", (("x-team", f"a{char}x-evil: 1"),))


def test_nothing_shows_a_credential(provider: Provider, key: ProviderKey) -> None:
    """Neither an outgoing request nor a provider that keeps some shows a secret in its repr."""
    outgoing = provider.render(ask(key))
    provider._rendered["kept"] = outgoing
    assert b"sk-0123456789" in outgoing.prefix
    assert "sk-0123456789" not in repr(outgoing) + repr(provider) + repr(ask(key))


def test_bearer(key: ProviderKey) -> None:
    """A key is sent as a bearer token, no key as nothing."""
    assert bearer(key) == (("authorization", "Bearer sk-0123456789"),)
    assert bearer(None) == ()


async def test_adapt(provider: Provider, key: ProviderKey) -> None:
    """A plain provider sends the path below its base URL, then its key, then the operator's headers."""
    own = attrs.evolve(provider, headers=(("x-team", "a"),))
    outgoing = await own.adapt(ask(key, query="trace=1"))
    assert outgoing.prefix == (
        b"POST /v1/chat/completions?trace=1 HTTP/1.1\r\nhost: api.example.com\r\n"
        b"authorization: Bearer sk-0123456789\r\nx-team: a\r\n"
    )


async def test_kept(provider: Provider, key: ProviderKey) -> None:
    """The same question is rendered once; another model, query, id or key is another question."""
    first = await provider.adapt(ask(key))
    assert await provider.adapt(ask(key)) is first
    rotated = attrs.evolve(key, secret=Secret("sk-9876543210"))
    for other in (ask(key, "n"), ask(key, query="x=1"), ask(key, id="1"), ask(rotated), ask(None)):
        assert await provider.adapt(other) is not first
    assert b"sk-9876543210" in (await provider.adapt(ask(rotated))).prefix


async def test_what_is_kept_is_bounded(provider: Provider, key: ProviderKey) -> None:
    """A caller that varies its query on purpose cannot fill the memory."""
    for number in range(MAX_RENDERED + 1):
        await provider.adapt(ask(key, query=f"n={number}"))
    assert len(provider._rendered) <= MAX_RENDERED


async def test_override_starts_anew(provider: Provider, key: ProviderKey) -> None:
    """A provider made from another keeps nothing of what was rendered for the old base URL."""
    await provider.adapt(ask(key))
    moved = attrs.evolve(provider, base_url="http://127.0.0.1:9000/p")
    outgoing = await moved.adapt(ask(key))
    assert (str(outgoing.origin), outgoing.target) == ("http://127.0.0.1:9000", "/p/chat/completions")


def test_surface_url(provider: Provider) -> None:
    """A surface lives under its own URL where it has one, else under the base URL."""
    split = attrs.evolve(provider, surface_urls={EMBEDDINGS: "https://e.example.com"})
    assert split.surface_url(EMBEDDINGS) == "https://e.example.com"
    assert split.surface_url(CHAT_COMPLETIONS) == provider.base_url


@pytest.mark.parametrize(
    ("model", "id", "operation", "path"),
    [
        ("a/b@c", "", operations.GEMINI_COUNT, "models/a/b@c:countTokens"),
        ("a b?c#d%é", "", operations.GEMINI_COUNT, "models/a%20b%3Fc%23d%25%C3%A9:countTokens"),
        ("{id}", "x", operations.GEMINI_COUNT, "models/%7Bid%7D:countTokens"),
        ("", "a/b?c", operations.RESPONSE_GET, "responses/a%2Fb%3Fc"),
        ("m&x=1", "", operations.REALTIME, "realtime?model=m%26x%3D1"),
    ],
)
def test_path(provider: Provider, model: str, id: str, operation: Operation, path: str) -> None:
    """Model and id are quoted into the path, so that neither opens a query or a fragment."""
    assert provider.path(Ask(operation, model, None, {}, id)) == path


@pytest.mark.parametrize(
    ("operation", "model", "id"),
    [
        (operations.RESPONSE_GET, "m", ".."),
        (operations.RESPONSE_DELETE, "m", "."),
        (operations.RESPONSE_CANCEL, "m", ".."),
        (operations.GEMINI_GENERATE, "a/../b", ""),
        (operations.GEMINI_GENERATE, "a/./b", ""),
        (operations.GEMINI_GENERATE, "../../v1/files/b", ""),
    ],
)
async def test_path_stays_below_the_base_url(provider: Provider, operation: Operation, model: str, id: str) -> None:
    """Neither a model nor an id can name another path, where the provider's key would do something else."""
    with pytest.raises(AttemptFailed, match="it would be another path") as caught:
        await provider.adapt(Ask(operation, model, None, {}, id))
    assert caught.value.reason == "bad_path"


@pytest.mark.parametrize(
    ("operation", "model", "id", "path"),
    [
        (operations.CHAT, "../x", "", "chat/completions"),
        (operations.GEMINI_GENERATE, "a..b/.c", "", "models/a..b/.c:generateContent"),
        (operations.RESPONSE_GET, "m", "../x", "responses/..%2Fx"),
        (operations.RESPONSE_GET, "m", "%2e%2e", "responses/%252e%252e"),
        (operations.REALTIME, "../x", "", "realtime?model=../x"),
    ],
)
def test_dots_that_lead_nowhere(provider: Provider, operation: Operation, model: str, id: str, path: str) -> None:
    """Dots within a segment are dots, and what is not in the path is not looked at."""
    assert provider.path(Ask(operation, model, None, {}, id)) == path


@pytest.mark.parametrize(
    ("operation", "dropped"),
    [
        (operations.CHAT, {"anthropic-beta", "anthropic-version"}),
        (operations.RESPONSES, {"anthropic-beta", "anthropic-version"}),
        (operations.EMBEDDINGS, {"anthropic-beta", "anthropic-version"}),
        (operations.COUNT_TOKENS, {"openai-beta"}),
        (operations.GEMINI_COUNT, {"anthropic-beta", "anthropic-version", "openai-beta"}),
    ],
)
def test_headers_of_other_dialects(provider: Provider, operation: Operation, dropped: set[str]) -> None:
    """A caller's headers that belong to another dialect than the one that goes out stay behind."""
    assert provider.drop(operation) == dropped
    assert provider.render(Ask(operation, "m", None, {})).drop == dropped
    assert {name.encode() for name in dropped} <= CALLER_DIALECT_HEADERS


def test_headers_of_a_callers_own_dialect() -> None:
    """None of them goes on with a translated request, in whatever case it came; what is no dialect's passes."""
    assert all(name == name.lower() for name in CALLER_DIALECT_HEADERS)
    assert {b"x-stainless-lang", b"openai-project", b"x-goog-user-project", b"content-type"} <= CALLER_DIALECT_HEADERS
    assert not CALLER_DIALECT_HEADERS & {b"user-agent", b"traceparent", b"x-title", b"idempotency-key"}


def test_preferred(provider: Provider) -> None:
    """Of the surfaces of a task a provider names those that it serves, the one it is best asked on first."""
    many = attrs.evolve(provider, surfaces=frozenset({GEMINI, MESSAGES, CHAT_COMPLETIONS, EMBEDDINGS}))
    assert many.preferred() == (CHAT_COMPLETIONS, MESSAGES, GEMINI)
    assert many.preferred([GEMINI, EMBEDDINGS, RESPONSES]) == (GEMINI, EMBEDDINGS)
    assert provider.preferred([EMBEDDINGS]) == ()


def test_dialect(provider: Provider) -> None:
    """A provider that declares nothing speaks as the format's documentation says, under its own name."""
    assert provider.dialect(CHAT_COMPLETIONS, "m") == Dialect(maker="plain", model="m")


async def test_a_version_where_one_is_wanted(provider: Provider, key: ProviderKey) -> None:
    """Messages go out with a version: the caller's, or the long-lived one; other formats have none."""
    versioned = VersionedMessages(
        id="v", name="V", base_url="https://api.example.com/v1", surfaces=frozenset({MESSAGES})
    )
    bare = await versioned.adapt(Ask(operations.MESSAGES, "m", key, {}))
    named = await versioned.adapt(Ask(operations.MESSAGES, "m", key, {"Anthropic-Version": "x"}))
    assert bare.prefix.endswith(b"\r\nanthropic-version: 2023-06-01\r\n")
    assert b"anthropic-version" not in named.prefix
    assert await versioned.adapt(Ask(operations.MESSAGES, "m", key, {})) is bare
    assert b"anthropic-version" not in (await versioned.adapt(ask(key))).prefix
    assert [versioned.steady(each) for each in (operations.MESSAGES, operations.CHAT)] == [False, True]

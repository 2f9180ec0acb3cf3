"""Which fields pass, each way, and the head of an upstream request."""

from __future__ import annotations

import pytest

from aigw.wire import headers
from aigw.wire.headers import MAX_NAME, MAX_REMEMBERED, decide_forwarded, label, named_by_connection, request_head


@pytest.mark.parametrize(
    "name",
    [
        "accept",
        "accept-encoding",
        "anthropic-beta",
        "anthropic-version",
        "content-type",
        "http-referer",
        "idempotency-key",
        "openai-beta",
        "traceparent",
        "user-agent",
        "x-stainless-retry-count",
        "x-title",
        "x-goog-api-client",
    ],
)
def test_what_the_upstream_acts_on_is_forwarded(name: str) -> None:
    """SDKs' own fields, versions, betas and traces reach the provider."""
    assert decide_forwarded(name.encode()) == name.encode()


@pytest.mark.parametrize(
    "name",
    [
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"),
        *("host", "content-length", "expect", "http2-settings", "proxy-authorization"),
        *("authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "x-amz-security-token"),
        *("x-auth-token", "x-access-token", "x-secret", "x-portkey-api-key", "ocp-apim-subscription-key", "password"),
        *("x-forwarded-for", "x-forwarded-host", "forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip"),
        *("openai-organization", "openai-project", "x-goog-user-project"),
        *("x-request-id", "request-id", "x-aigw-strict", "sec-websocket-key"),
    ],
)
def test_what_belongs_to_this_hop_or_is_a_credential_is_not(name: str) -> None:
    """Framing, routing, who called from where, and anything that looks like a credential stay here."""
    assert decide_forwarded(name.encode()) == b""


@pytest.mark.parametrize(
    "name",
    [
        *("Content-Type", "content-encoding", "Retry-After", "retry-after-ms", "x-should-retry", "date", "etag"),
        *("X-RateLimit-Remaining-Tokens", "anthropic-ratelimit-requests-limit", "ratelimit-reset"),
        *("openai-processing-ms", "openai-version", "x-generation-id", "cache-control"),
    ],
)
def test_what_callers_act_on_is_returned(name: str) -> None:
    """Types, codings, rate limits and retry hints reach the caller as they were written."""
    assert label(name.encode()) == name.encode() + b": "


@pytest.mark.parametrize(
    "name",
    [
        *("set-cookie", "Set-Cookie2", "openai-organization", "OpenAI-Project", "anthropic-organization-id"),
        *("content-length", "transfer-encoding", "connection", "keep-alive", "trailer", "upgrade", "alt-svc"),
        *("location", "www-authenticate", "authorization", "x-api-key", "server", "via", "strict-transport-security"),
        *("x-aigw-provider", "x-aigw-error", "server-timing", "access-control-allow-origin", "x-anything"),
    ],
)
def test_what_callers_may_not_see_is_not(name: str) -> None:
    """Cookies, account names, redirects, framing and the gateway's own names never come from an upstream."""
    assert label(name.encode()) == b""


@pytest.mark.parametrize("name", [b"x-request-id", b"X-Request-Id", b"request-id"])
def test_the_upstreams_request_id_gets_another_name(name: bytes) -> None:
    """The gateway's own id stands under these names; the provider's is still told."""
    assert label(name) == b"x-aigw-upstream-request-id: "


def test_decisions_are_remembered_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upstream that invents names for every answer does not fill the memory."""
    monkeypatch.setattr(headers, "labels", {})
    label(b"x" * (MAX_NAME + 1))
    assert headers.labels == {}
    for number in range(MAX_REMEMBERED + 10):
        label(b"x-%d" % number)
    assert len(headers.labels) == MAX_REMEMBERED


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (b"keep-alive", set()),
        (b"Close", set()),
        (b"", set()),
        (b"close, X-Secret", {b"x-secret"}),
        (b"Upgrade,HTTP2-Settings", {b"upgrade", b"http2-settings"}),
        (b" a ,b ", {b"a", b"b"}),
    ],
)
def test_fields_named_by_connection(value: bytes, names: set[bytes]) -> None:
    """What a Connection field names is of this hop (RFC 9110, section 7.6.1)."""
    assert named_by_connection(value) - {b""} == names


FIELDS = [(b"accept", b"Accept", b"*/*"), (b"x-a", b"X-A", b"1"), (b"x-a", b"x-a", b"2")]


@pytest.mark.parametrize(
    ("length", "framing"),
    [
        (5, b"content-length: 5\r\n"),
        (0, b"content-length: 0\r\n"),
        (None, b"transfer-encoding: chunked\r\n"),
        (-1, b""),
    ],
)
def test_the_head_of_an_upstream_request(length: int | None, framing: bytes) -> None:
    """The provider's prefix, the gateway's lines, the caller's fields in order and spelling, the framing."""
    head = request_head(b"POST / HTTP/1.1\r\nhost: h\r\n", FIELDS, frozenset(), length, b"extra: 1\r\n")
    assert head == (
        b"POST / HTTP/1.1\r\nhost: h\r\nextra: 1\r\nAccept: */*\r\nX-A: 1\r\nx-a: 2\r\n" + framing + b"\r\n"
    )


def test_dropped_fields_are_left_out() -> None:
    """A name in `dropped` is left out however it is spelled and however often it comes."""
    head = request_head(b"GET / HTTP/1.1\r\n", FIELDS, frozenset({b"x-a"}), -1)
    assert head == b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n"

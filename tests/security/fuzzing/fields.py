"""What may come out of the readers of header fields, and of the one that takes secrets out of texts."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from random import Random
from urllib.parse import quote

from aigw.errors import BadRequest, MethodNotAllowed, NotFound
from aigw.front.routes import ModelsRoute, format_of, route
from aigw.front.turn import clean_query, wants_events
from aigw.front.wishes import retries, wishes
from aigw.observe.scrub import Scrubber
from aigw.routing.cooling import LONGEST, cooldown
from aigw.snapshot import STRATEGIES
from aigw.wire.head import X_AIGW_HEDGE, X_AIGW_STRATEGY, X_AIGW_TIMEOUT
from aigw.wire.headers import decide_forwarded, label, named_by_connection

ROUTE_SEEDS = [
    b"POST /v1/chat/completions?api-version=1&key=secret",
    b"GET /v1/responses/resp_1/input_items?limit=5&after=x",
    b"POST /v1beta/models/up:m:generateContent?alt=sse&%6bey=secret",
    b"POST /v1beta/models/a%2Fb:countTokens?KEY=secret&key",
    b"GET /v1/models/up:m",
    b"GET /v1/realtime?model=m&model=n",
]
NAME_SEEDS = [
    b"x-stainless-retry-count",
    b"Authorization",
    b"X-Api-Key",
    b"connection",
    b"x-forwarded-for",
    b"OpenAI-Beta",
]
SECRET = 'sk-planted/0123456789+abc"def\\ghij'
TEXT_SEEDS = [
    b'{"error":{"message":"Incorrect API key provided: @."}}',
    b'event: error\ndata: {"error":"Bearer @"}\n\n',
    b"<p>https://user:@@host/?key=@&x=@</p>",
    b"x" * 40 + b"@" + b"y" * 40,
]
_SCRUBBER = Scrubber([SECRET, "another-secret-0123456789"])


def target(data: bytes, chance: Random) -> None:
    """A path names a route or is refused; what goes up of a query holds no credential."""
    rest = data.decode("latin-1").partition(" ")[2]
    path, _, query = rest.partition("?")
    method = chance.choice(("GET", "POST", "DELETE", "PUT", "HEAD"))
    format_of(path, anthropic=chance.random() < 0.5)
    try:
        found = route(method, path)
    except (NotFound, MethodNotAllowed) as error:
        refusal: str | None = error.message
    else:
        refusal = None
    assert refusal is None or refusal.isprintable()
    if refusal is not None or isinstance(found, ModelsRoute):
        return
    assert not found.id.startswith(".")
    assert not set("/?#%\\ \r\n").intersection(found.id)
    wants_events(query)
    cleaned = clean_query(query, found)
    names = [part.partition("=")[0] for part in cleaned.split("&")]
    assert "key" not in names


def name(data: bytes, chance: Random) -> None:
    """Whatever its case, a field that looks like a credential does not go up, and only listed ones come back."""
    lower = data.lower()
    forwarded = decide_forwarded(lower)
    assert forwarded in (b"", lower)
    told = label(data)
    if any(word in lower for word in (b"authorization", b"cookie", b"api-key", b"apikey", b"secret")):
        assert not forwarded
    if lower in (b"set-cookie", b"connection", b"transfer-encoding", b"content-length", b"authorization", b"location"):
        assert not told
    assert told in (b"", data + b": ", b"x-aigw-upstream-request-id: ")
    assert b"keep-alive" not in named_by_connection(data)


def scrubbed(data: bytes, chance: Random) -> None:
    """Wherever a secret stands in a text, in whatever spelling, it is not there afterwards; bytes and text alike."""
    for spelling in _spellings():
        text = data.replace(b"@", spelling)
        told = _SCRUBBER.scrub(text)
        for hidden in _spellings():
            assert hidden not in told
        again = _SCRUBBER.scrub(text.decode("latin-1"))
        assert SECRET not in again
        assert SECRET not in _SCRUBBER.conceal(text.decode("latin-1"))


def _spellings() -> list[bytes]:
    octets = SECRET.encode()
    return [
        octets,
        json.dumps(SECRET)[1:-1].encode(),
        quote(SECRET, safe="").encode(),
        base64.b64encode(octets).rstrip(b"=")[:-1],
        base64.urlsafe_b64encode(octets).rstrip(b"=")[:-1],
    ]


def times(data: bytes, chance: Random) -> None:
    """What an upstream says to wait is a bounded number of seconds or nothing."""
    text = data.decode("latin-1")
    name = chance.choice(("Retry-After", "retry-after-ms", "RateLimit", "x-ratelimit-reset-tokens"))
    left = {"x-ratelimit-remaining-tokens": chance.choice(("0", "5", text))}
    for headers in ({name: text}, {name: text} | left, {text: "5"}):
        seconds = cooldown(headers, data, 1.7e9, limited=chance.random() < 0.5)
        assert seconds is None or 0 <= seconds <= LONGEST


def wished(data: bytes, chance: Random) -> None:
    """What a caller wishes is granted or refused: times above nothing, one of the strategies, yes or no."""
    noted = {name: data for name in (X_AIGW_TIMEOUT, X_AIGW_HEDGE, X_AIGW_STRATEGY) if chance.random() < 0.5}
    assert 0 <= retries(data) < 10**6
    with suppress(BadRequest):
        found = wishes(noted)
        assert all(0 < seconds < float("inf") for seconds in (found.timeouts or {}).values())
        assert found.strategy is None or found.strategy in STRATEGIES
        assert found.hedge in (None, True, False)


WISH_SEEDS = [
    b"30s",
    b"connect=1s, first-byte=1m30s,idle=500ms",
    b"total=2h",
    b"true",
    b"round_robin",
    b"cache_affinity",
    b"3",
]
TIME_SEEDS = [b"5", b"1.5", b"Fri, 31 Dec 2027 23:59:59 GMT", b"2027-12-31T23:59:59Z", b"1m30s", b"6ms", b"1790000000"]

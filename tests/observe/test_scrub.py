"""Secrets in texts that others wrote."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.observe.scrub import MARK, Scrubber
from aigw.secret import Secret

KEY = "canary+key/with=odd~chars-0123456789"
PLAIN = "canaryKeyWithoutPrefix0123456789abcdef"

SPELLINGS = {
    "plain": KEY,
    "in a URL": quote(KEY, safe=""),
    "in a URL, lower case": quote(KEY, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d"),
    "in a form": quote_plus(KEY),
    "in JSON with escaped slashes": json.dumps(KEY)[1:-1].replace("/", "\\/"),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(KEY.encode()).decode(),
    "base64 without padding": base64.b64encode(KEY.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_configured_secrets_go_in_every_spelling(spelling: str) -> None:
    """A configured secret is found plain, URL-encoded, JSON-escaped and in base64, in text and in bytes."""
    scrubber = Scrubber([Secret(KEY)])
    text = f'{{"error":"bad key {spelling}","code":401}}'
    wanted = f'{{"error":"bad key {MARK}","code":401}}'
    assert scrubber.scrub(text) == wanted
    assert scrubber.scrub(text.encode()) == wanted.encode()


@pytest.mark.parametrize("user", ["", "u", "us", "use"])
def test_basic_credentials_go(user: str) -> None:
    """In the base64 of a longer text a secret is found at any offset, but for its edges."""
    encoded = base64.b64encode(f"{user}:{PLAIN}:x".encode()).decode()
    shown = Scrubber([PLAIN]).scrub(f"Basic {encoded}")
    assert MARK in shown
    assert len(shown.replace(MARK, "")) <= len("Basic ") + len(base64.b64encode(f"{user}:".encode())) + 4


def test_a_cut_echo_goes() -> None:
    """An upstream that quotes the first half of a key gives away half of it: that goes as well."""
    assert Scrubber([PLAIN]).scrub(f"key '{PLAIN[:20]}...' is invalid") == f"key '{MARK}...' is invalid"


SHAPES = [
    "sk-abcdefghijklmnopqrst",
    "sk-proj-AbC_123-xyz890abcdef",
    "sk-ant-api03-AbCdEf-123_456",
    "sk-or-v1-0123456789abcdef",
    "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "gsk_0123456789abcdefghij",
    "xai-0123456789abcdefghij",
    "aigw-0123456789abcdefghijklmnop",
    "aigw-api-0123456789abcdefghijklmnop",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("key", SHAPES)
@pytest.mark.parametrize("around", ["{}", "key: {}.", '{{"k":"{}"}}', "({})", "a={}&b=1", "for user\n{}\n"])
def test_unknown_keys_are_known_by_their_shape(key: str, around: str) -> None:
    """What looks like a key goes even if nobody configured it."""
    text = around.format(key)
    assert Scrubber().scrub(text) == around.format(MARK)
    assert Scrubber().scrub(text.encode()) == around.format(MARK).encode()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Authorization: Bearer abc123def456", f"Authorization: Bearer {MARK}"),
        ("authorization: bearer  abcdefghijklmnopqrstuvwx", f"authorization: bearer  {MARK}"),
        (
            "GET /v1beta/models?key=AIzaSyA0123456789abcdefghij&alt=sse",
            f"GET /v1beta/models?key={MARK}&alt=sse",
        ),
        ("https://x.example/v1?a=1&api_key=hunter22", f"https://x.example/v1?a=1&api_key={MARK}"),
        ("https://x.example/v1?api-key=hunter22 failed", f"https://x.example/v1?api-key={MARK} failed"),
    ],
)
def test_what_it_was_stays_readable(text: str, wanted: str) -> None:
    """The name of a credential stays, its value goes."""
    assert Scrubber().scrub(text) == wanted
    assert Scrubber().scrub(text.encode()) == wanted.encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Rate limit reached for big-1 in organization org-abc on tokens per min (TPM): Limit 30000.",
        "Bearer authentication is required",
        "Expected a bearer token in the Authorization header",
        "This is a risk-assessment-of-the-whole-thing",
        "Incorrect API key provided: sk-proj-ab***wxyz",
        "tried cloud with sk-aaaaaaa***zzzz",
        "the header x-aigw-provider says which",
        "/v1/models?pageToken=abc&keyword=x",
        "messages.3.content: expected a string",
    ],
)
def test_honest_texts_pass(text: str) -> None:
    """A text without secrets, keys already redacted included, comes back as the very same object."""
    scrubber = Scrubber([KEY, PLAIN])
    assert scrubber.scrub(text) is text
    octets = text.encode()
    assert scrubber.scrub(octets) is octets


@pytest.mark.parametrize("placeholder", ["none", "ollama", "x"])
def test_placeholders_are_no_secrets(placeholder: str) -> None:
    """The short word that a keyless server is configured with may occur in an honest text."""
    assert Scrubber([placeholder]).scrub(f"{placeholder} is fine") == f"{placeholder} is fine"


def test_a_secret_inside_a_shape() -> None:
    """A shape that begins before a configured secret does not leave half of the secret behind."""
    odd = "abcdefgh1!ijklmnop!qrstuv"
    assert Scrubber([odd]).scrub(f"Bearer {odd}") == f"Bearer {MARK}"


def test_conceal() -> None:
    """The quick way finds configured secrets, and nothing else."""
    assert Scrubber([PLAIN]).conceal(f"id-{PLAIN}") == f"id-{MARK}"
    for scrubber in (Scrubber([PLAIN]), Scrubber()):
        assert scrubber.conceal("sk-abcdefghijklmnopqrst") == "sk-abcdefghijklmnopqrst"


def test_json_stays_json() -> None:
    """An upstream's error body is still JSON after scrubbing."""
    body = json.dumps({"error": {"message": f'bad "{KEY}"', "seen": [f"Bearer {KEY}", KEY]}})
    error = json.loads(Scrubber([KEY]).scrub(body))["error"]
    assert error == {"message": f'bad "{MARK}"', "seen": [f"Bearer {MARK}", MARK]}


def test_many_secrets() -> None:
    """A thousand keys with a common beginning, one the beginning of another, are all found."""
    keys = [f"sk-corp-{number:04d}-{number * 7919:012d}" for number in range(1000)]
    scrubber = Scrubber([*keys, keys[0][:-4], "sk-corp-"])
    for key in keys:
        assert scrubber.scrub(f"<{key}>") == f"<{MARK}>"


def test_a_secret_that_is_not_unicode() -> None:
    """A key from an environment that is not UTF-8 does no harm."""
    odd = "key-\udc80\udcff-0123456789"
    assert Scrubber([odd]).scrub(f"<{odd}>") == f"<{MARK}>"
    assert Scrubber([odd]).scrub(b"<nothing>") == b"<nothing>"


def test_it_does_not_show_what_it_holds() -> None:
    """A scrubber that is printed says how much it knows, not what."""
    assert KEY not in repr(Scrubber([KEY]))


@given(
    secret=st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=60),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    """Whatever a secret is made of and wherever it stands, it is gone afterwards."""
    scrubber = Scrubber([secret])
    # A secret of which the mark itself, or the mark and its neighbours, is made cannot be hidden behind it.
    if secret not in f"{before}{MARK}{after}":
        assert secret not in scrubber.scrub(f"{before}{secret}{after}")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9"),
        ("eyJhbGciOiJIUzI1NiJ9.short.x", "eyJhbGciOiJIUzI1NiJ9.short.x"),
        ("eyJhbGciOiJIUzI1NiJ9-sk-abcdefghijklmnop.", f"eyJhbGciOiJIUzI1NiJ9-{MARK}."),
        ("eyJhbGciOiJIUzI1NiJ9 eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2ln", f"eyJhbGciOiJIUzI1NiJ9 {MARK}"),
    ],
)
def test_the_beginning_of_a_token_is_none(text: str, wanted: str) -> None:
    """Base64 that begins like a token's first part stays, but for another key within it."""
    assert Scrubber().scrub(text) == wanted
    assert Scrubber().scrub(text.encode()) == wanted.encode()

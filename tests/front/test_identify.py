"""Who is calling: one extractor, one order, and nothing of it in messages."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import Unauthorized
from aigw.front import identify as module
from aigw.front.identify import MAX_TOKEN, identify
from aigw.snapshot import digest
from aigw.wire.head import Head

from ..support.snapshots import ANYBODY, PEPPER, TOKEN, snapshot

SNAPSHOT = snapshot()
BEARER = (b"authorization", b"Bearer " + TOKEN)
OTHERS = [b"x-api-key", b"x-goog-api-key", b"api-key"]


@pytest.mark.parametrize(
    "fields",
    [
        [BEARER],
        [(b"Authorization", b"bearer  " + TOKEN + b" ")],
        *([(name, TOKEN)] for name in OTHERS),
        [(b"X-API-KEY", b" " + TOKEN)],
        # A second credential is never looked at: Claude Code sends a stale key besides its token.
        *([BEARER, (name, b"sk-stale")] for name in OTHERS),
        *([(name, b"sk-stale"), BEARER] for name in OTHERS),
        [(b"x-api-key", TOKEN), (b"x-goog-api-key", b"other")],
        [BEARER, (b"authorization", b"Bearer other")],
    ],
)
def test_a_known_token_is_found(fields: list[tuple[bytes, bytes]]) -> None:
    """Bearer first, then x-api-key, x-goog-api-key, api-key; names and scheme in any case."""
    assert identify(Head(fields), SNAPSHOT) is ANYBODY


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ([], "missing_access_key"),
        ([(b"authorization", b"")], "missing_access_key"),
        ([(b"authorization", b"Bearer")], "missing_access_key"),
        ([(b"authorization", b"Bearer ")], "missing_access_key"),
        ([(b"authorization", b"Basic " + TOKEN)], "missing_access_key"),
        ([(b"authorization", TOKEN)], "missing_access_key"),
        ([(b"x-api-key", b"")], "missing_access_key"),
        ([(b"cookie", TOKEN)], "missing_access_key"),
        ([(b"authorization", b"Bearer wrong")], "invalid_access_key"),
        ([(b"authorization", b"Bearer " + TOKEN[:20])], "invalid_access_key"),
        ([(b"authorization", b"Bearer wrong"), (b"x-api-key", TOKEN)], "invalid_access_key"),
        ([(b"x-api-key", b"wrong"), (b"api-key", TOKEN)], "invalid_access_key"),
        # The stored verifier is no credential.
        ([(b"x-api-key", digest(TOKEN, PEPPER))], "invalid_access_key"),
        ([(b"x-api-key", digest(TOKEN, PEPPER).hex().encode())], "invalid_access_key"),
        ([(b"x-api-key", b"x" * (MAX_TOKEN + 1))], "invalid_access_key"),
    ],
)
def test_anything_else_is_refused(fields: list[tuple[bytes, bytes]], code: str) -> None:
    """Missing, malformed, unknown: 401 with a message that says how to send a key."""
    with pytest.raises(Unauthorized) as caught:
        identify(Head(fields), SNAPSHOT)
    assert caught.value.error_code == code
    assert "Authorization: Bearer" in caught.value.message


@given(st.binary(max_size=600), st.sampled_from([b"authorization", *OTHERS]), st.booleans())
def test_no_bytes_break_it_and_none_come_back(token: bytes, name: bytes, scheme: bool) -> None:
    """Whatever is sent as a key, the answer is a refusal with one of two texts that repeat nothing of it."""
    with pytest.raises(Unauthorized) as caught:
        identify(Head([(name, b"Bearer " * scheme + token)]), SNAPSHOT)
    texts = set()
    for fields in ([], [(b"x-api-key", b"a")]):
        with pytest.raises(Unauthorized) as plain:
            identify(Head(fields), SNAPSHOT)
        texts.add(plain.value.message)
    assert caught.value.message in texts


@pytest.mark.parametrize(("since", "refused"), [(-1.0, False), (0.0, True), (1.0, True)])
def test_a_key_has_its_time(monkeypatch: pytest.MonkeyPatch, since: float, refused: bool) -> None:
    """From the moment on that it expires it is refused, and its caller told why."""
    key = attrs.evolve(ANYBODY, expires_at=1000.0)
    monkeypatch.setattr(module, "time", lambda: 1000.0 + since)
    known = snapshot(access_key=key)
    if refused:
        with pytest.raises(Unauthorized, match="expired"):
            identify(Head([BEARER]), known)
    else:
        assert identify(Head([BEARER]), known) is key

"""One epoch of the configuration: look-ups that every request makes."""

from __future__ import annotations

import attrs
import pytest

from aigw.snapshot import DIGEST_BYTES, Limits, digest

from .support.snapshots import ANYBODY, KEYS, PEPPER, TOKEN, snapshot

SNAPSHOT = snapshot()


def test_an_access_key_is_found_by_its_token() -> None:
    """The table is keyed by the digest under the pepper; a request's token is digested and looked up."""
    assert SNAPSHOT.access_key(TOKEN) is ANYBODY


@pytest.mark.parametrize(
    "token", [b"", TOKEN[:-1], TOKEN + b" ", TOKEN.upper(), digest(TOKEN, PEPPER), digest(TOKEN, PEPPER).hex().encode()]
)
def test_nothing_else_is(token: bytes) -> None:
    """A prefix, another case, and above all the stored digest itself are no tokens."""
    assert SNAPSHOT.access_key(token) is None


def test_a_digest_depends_on_the_pepper() -> None:
    """A stolen table of digests is useless in another gateway, and too short to be a token."""
    assert digest(TOKEN, PEPPER) != digest(TOKEN, b"another pepper")
    assert len(digest(TOKEN, PEPPER)) == DIGEST_BYTES


def test_keys_of_a_provider_in_their_order() -> None:
    """An unknown provider has none."""
    assert SNAPSHOT.keys_of("maker") == KEYS["maker"]
    assert SNAPSHOT.keys_of("nobody") == ()


def test_a_providers_own_limits_win() -> None:
    """Where a provider has limits of its own they replace the general ones."""
    own = Limits(connect_timeout=1.0)
    changed = attrs.evolve(SNAPSHOT, provider_limits={"maker": own})
    assert changed.limits_for("maker") is own
    assert changed.limits_for("host") is changed.limits


def test_its_repr_tells_no_secret() -> None:
    """Keys, digests and the pepper are left out of what a traceback or a log may show."""
    shown = repr(SNAPSHOT)
    assert PEPPER.decode() not in shown
    assert "sk-maker" not in shown
    assert TOKEN.decode() not in shown
    assert repr(ANYBODY.digest) not in shown


def test_it_cannot_be_changed() -> None:
    """A change makes a new one and swaps the reference."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        SNAPSHOT.epoch = 2  # type: ignore[misc]

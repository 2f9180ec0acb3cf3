"""After a rotation the first key alone opens everything; half a rotation is no harm."""

from __future__ import annotations

import pytest

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.store import rotation
from aigw.store.opening import Location, opened
from aigw.store.rotation import rotate
from aigw.store.sql import SqlStore

from .conftest import SECRET_KEY, Open
from .things import ME, VALUE, one_of_each, team

NEW = Secret("the-next-secret-key-0123456789abcdef")
BOTH = Secret(f"{NEW.reveal()},{SECRET_KEY.reveal()}")


def with_key(location: Location, key: Secret) -> Location:
    """The same store with other keys."""
    return Location(location.url, location.directory, key)


async def test_a_rotation_is_resumed(
    location: Location, store: SqlStore, account: str, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done before an interruption stays done, the rest is done by the next call, a third has nothing to do."""
    made = [await one_of_each(store, account), *[await one_of_each(store, await team(store, n)) for n in "abc"]]
    monkeypatch.setattr(rotation, "BATCH", 2)
    both = await open_at(with_key(location, BOTH))
    seal, sealed = both.vault.ring.seal, []

    def failing(*arguments: object) -> bytes:
        sealed.append(arguments)
        if len(sealed) == 6:
            raise KeyboardInterrupt
        return seal(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(both.vault.ring, "seal", failing)
    with pytest.raises(KeyboardInterrupt):
        await rotate(both, ME)
    monkeypatch.setattr(both.vault.ring, "seal", seal)
    for each in made:
        assert await both.provider_keys.open(each.account, each.provider_key) == VALUE
    # Eight provider keys and the pepper; two batches of two were done, the third was not kept.
    assert await rotate(both, ME) == rotation.Rotated(5, ())
    assert await rotate(both, ME) == rotation.Rotated(0, ())
    new = await open_at(with_key(location, NEW))
    for each in made:
        assert await new.provider_keys.open(each.account, each.provider_key) == VALUE
        assert await new.api_keys.authenticate(each.secrets[-1].reveal())
    with pytest.raises(ConfigError, match="AIGW_SECRET_KEY"):
        await opened(with_key(location, SECRET_KEY))
    assert (await new.audit.everywhere(limit=1))[0].action == "rotate"


async def test_what_no_key_opens_is_told(location: Location, store: SqlStore, account: str, open_at: Open) -> None:
    """A value that no key opens is named and left; the others are sealed anew."""
    made = await one_of_each(store, account)
    lost = await open_at(with_key(location, BOTH))
    await lost.provider_keys.rotate(account, made.inline_key, VALUE, ME)
    third = Secret(f"a-third-secret-key-0123456789abcdefg,{SECRET_KEY.reveal()}")
    other = await open_at(with_key(location, third))
    assert await rotate(other, ME) == rotation.Rotated(2, (made.inline_key,))
    assert (await other.whole()).unreadable == (made.inline_key,)

"""What a store holds, in pieces: nothing is lost on the way, and the pieces are small."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest

from aigw.pieces import KEYS_A_PIECE, Gathering, pieces, read
from aigw.secret import Secret
from aigw.store.records import AccessKeyRecord, Record, TokenRecord, Whole
from aigw.store.specs import (
    Access,
    AccessKeySpec,
    AccountSpec,
    AliasSpec,
    Budget,
    ConfigurationSpec,
    GatewayConfigSpec,
    Model,
    ProviderSpec,
    Rule,
    Step,
    Surface,
)

NOW = datetime(2026, 11, 23, 9, 30, 1, 5, tzinfo=UTC)
STAMPS: Mapping[str, Any] = {
    "account_id": "acct_1",
    "created_at": NOW,
    "updated_at": NOW,
    "created_by": "aiak_1",
    "last_updated_by": "system",
    "revision": 3,
}


def access_key(number: int) -> AccessKeyRecord:
    """An access key with everything that one can have."""
    spec = AccessKeySpec(name=f"key {number}", budget=Budget(Decimal("10.50"), "day"), expires_at=NOW, max_parallel=2)
    return TokenRecord(id=f"aigk_{number}", spec=spec, digest=bytes(16), redacted="aigw-abcde***wxyz", **STAMPS)


def whole(keys: int) -> Whole:
    """A store of so many access keys, and one of everything else."""
    provider = ProviderSpec(
        provider_id="own",
        base_url="https://own.example/v1",
        surfaces=(Surface("openai", "chat-completions", ("temperature",)),),
        models=(Model("m", "aigm_1"),),
    )
    rules = (Rule(provider="own", steps=(Step(keys=("aigpk_1",)), Step(type="managed"))),)
    return Whole(
        epoch=7,
        pepper=b"\x00\xff" * 16,
        accounts=(Record(id="acct_1", spec=AccountSpec(name="default"), **STAMPS),),
        access_keys=tuple(map(access_key, range(keys))),
        configurations=(
            Record(id="aigac_1", spec=ConfigurationSpec(access=Access(providers=("own",)), rules=rules), **STAMPS),
        ),
        provider_keys=(),
        values={"aigpk_1": Secret("sk-own-0123456789")},
        unreadable=("aigpk_2",),
        providers=(Record(id="aigp_1", spec=provider, **STAMPS),),
        aliases=(Record(id="aiga_1", spec=AliasSpec(alias="fast", target="own:m"), **STAMPS),),
        gateway_configs={"acct_1": GatewayConfigSpec(total_timeout=1.5)},
    )


def gathered(sent: Whole) -> list[bytes]:
    """Its pieces, as they are there with the last of them."""
    gathering = Gathering()
    *before, last = pieces(sent)
    assert [gathering.feed(piece) for piece in before] == [None] * len(before)
    found = gathering.feed(last)
    assert found == [*before, last]
    return found


@pytest.mark.parametrize("keys", [0, 1, KEYS_A_PIECE, KEYS_A_PIECE + 1])
def test_nothing_is_lost(keys: int) -> None:
    """What is put together equals what was cut, as often as it is gone through."""
    sent = whole(keys)
    found = read(gathered(sent))
    assert tuple(found.access_keys) == tuple(found.access_keys) == sent.access_keys
    assert attrs.evolve(found, access_keys=()) == attrs.evolve(sent, access_keys=())
    assert len(found.access_keys) == keys
    assert found.access_keys[:1] == sent.access_keys[:1]


def test_one_after_another() -> None:
    """What was put together before is not in the next one."""
    gathering = Gathering()
    for keys in (3, 0):
        *_, last = map(gathering.feed, pieces(whole(keys)))
        assert last is not None
        assert len(read(last).access_keys) == keys


@pytest.mark.parametrize("piece", [b"", b"x"])
def test_what_is_no_piece(piece: bytes) -> None:
    """It is refused as it comes."""
    with pytest.raises(ValueError, match="not a piece"):
        Gathering().feed(piece)


@pytest.mark.parametrize("torn", [[b"r\x80"], [b"k\x91\x01", *pieces(whole(0))]])
def test_what_is_torn(torn: list[bytes]) -> None:
    """It is an error, never half understood."""
    with pytest.raises(ValueError, match=r"."):
        tuple(read(torn).access_keys)

"""From one snapshot to the next: all at once, and no secret comes out on the way."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import attrs
import pytest
import structlog

from aigw import compose, swapping
from aigw.observe.scrub import Scrubber
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, ProviderSettings, Settings
from aigw.store.records import OPERATOR_ACCOUNT, ProviderKeyRecord
from aigw.store.specs import ProviderKeySpec
from aigw.swapping import Setup, SnapshotMaker

from .support.caller import HELLO
from .support.gate import TOKEN, OpenGate, eventually
from .test_pieces import STAMPS, whole

OTHER = "aigw-tests-another-key-0123456789"


def setup(*secrets: str) -> Setup:
    """A provider with these keys."""
    keys = tuple(map(Secret, secrets))
    return Setup(
        Settings(
            providers=(
                ProviderSettings("own", base_url="https://own.example/v1", surfaces=("chat-completions",), keys=keys),
            )
        )
    )


@pytest.mark.parametrize(("most", "left"), [(1, "first-secret-0123"), (3, "[redacted]")])
def test_a_retired_secret_is_still_one(monkeypatch: pytest.MonkeyPatch, most: int, left: str) -> None:
    """A request that began before may still hear its echo; the oldest ones are forgotten in the end."""
    monkeypatch.setattr(swapping, "MOST_RETIRED", most)
    made, words = (
        SnapshotMaker(),
        ["first-secret-0123", "second-secret-0123", "third-secret-0123", "fourth-secret-0123"],
    )
    for word in words:
        made.adopt(made.compose(setup(word), None))
    scrubbed = made.now.scrubbers.every.scrub(" ".join(words))
    assert scrubbed == f"{left} [redacted] [redacted] [redacted]"


def test_a_secret_that_retires_again_is_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was in force once more meanwhile is not forgotten by its first retirement."""
    monkeypatch.setattr(swapping, "MOST_RETIRED", 2)
    made = SnapshotMaker()
    for word in ("first", "second", "first", "third", "fourth", "fifth"):
        made.adopt(made.compose(setup(f"{word}-secret-0123"), None))
    scrubbed = made.now.scrubbers.every.scrub("first-secret-0123 second-secret-0123")
    assert scrubbed == "[redacted] second-secret-0123"


def test_whose_secrets_are_kept_out_of_whose_texts() -> None:
    """An account's out of its own, which chose them; the operator's out of everybody's."""
    keys = [
        ProviderKeyRecord(
            id=id, spec=ProviderKeySpec(provider_id="own"), redacted="sk***", **{**STAMPS, "account_id": of}
        )
        for id, of in (("aigpk_1", "acct_1"), ("aigpk_2", OPERATOR_ACCOUNT))
    ]
    values = {"aigpk_1": Secret("own-secret-0123"), "aigpk_2": Secret("operators-secret-0123")}
    stored = attrs.evolve(whole(0), provider_keys=tuple(keys), values=values)
    scrubbers = SnapshotMaker().compose(setup(), stored).scrubbers
    text = "own-secret-0123 operators-secret-0123"
    assert scrubbers.of("acct_1").scrub(text) == scrubbers.every.scrub(text) == "[redacted] [redacted]"
    assert scrubbers.of("acct_2").scrub(text) == "own-secret-0123 [redacted]"


async def test_the_log_keeps_new_secrets_out(gateway: OpenGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the moment that they are in force."""
    gate = await gateway()
    swap, said = gate.process.swap, []
    guard = swap._log.guard

    def noted(every: Scrubber, of: Callable[[str], Scrubber]) -> None:
        guard(every, of)
        said.append(every.scrub("new-secret-0123"))

    monkeypatch.setattr(swap._log, "guard", noted)
    swap.adopt(await swap.prepare(setup("new-secret-0123"), None))
    assert said == ["[redacted]"]


def test_what_is_the_same_is_not_made_anew() -> None:
    """The patterns of the same secrets are those that are there; each snapshot has a number of its own."""
    made = SnapshotMaker()
    one = made.compose(setup("first-secret-0123"), None)
    made.adopt(one)
    two = made.compose(setup("first-secret-0123"), None)
    assert two.scrubbers is one.scrubbers
    assert two.snapshot.epoch > one.snapshot.epoch
    assert (two.epoch, made.epoch) == (0, 0)


async def test_requests_see_the_next_one(gateway: OpenGate) -> None:
    """Also on a connection that was there before: what is remembered of its head holds for one snapshot."""
    gate = await gateway()
    caller = await gate.caller()
    caller.ask(HELLO)
    before = (await caller.answer()).status
    swap = gate.process.swap
    settings = gate.process.settings
    keys = (AccessKeySettings(name="app", key=Secret(OTHER)),)
    after = Settings(**{**{n: getattr(settings, n) for n in ("server", "limits", "providers")}, "access_keys": keys})
    swap.adopt(await swap.prepare(Setup(after), None))
    caller.ask(HELLO)
    assert [before, (await caller.answer()).status] == [200, 401]
    assert (await gate.ask(HELLO, token=OTHER)).status == 200
    assert (await gate.ask(HELLO, token=TOKEN)).status == 401
    assert gate.process.settings is after


async def test_a_fault_keeps_the_last_one(gateway: OpenGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be composed is logged, and everybody is served as before."""
    gate = await gateway()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(compose, "snapshot_of", broken)
    assert not await gate.process.swap.take(whole(1))
    assert gate.process.swap.epoch == 0
    assert (await gate.ask(HELLO)).status == 200


async def test_what_is_over_ends(gateway: OpenGate) -> None:
    """A snapshot that nobody uses any more is gone without a collection: what is in force is left out of those."""
    gate = await gateway()
    swap = gate.process.swap
    assert await swap.take(whole(2))
    before = weakref.ref(gate.process.gateway.snapshot)
    key = weakref.ref(next(each for each in gate.process.gateway.snapshot.access_keys.values() if each.id == "aigk_1"))
    gc.disable()
    try:
        assert await swap.take(whole(0))
        assert before() is None
        await eventually(lambda: key() is None)
        assert not gc.isenabled()
    finally:
        gc.enable()


async def test_a_rotated_key_begins_anew(gateway: OpenGate) -> None:
    """What was held against a provider key was another secret's; what is held against others stays."""
    gate = await gateway()
    swap, health = gate.process.swap, gate.process.gateway.relay.health
    swap.adopt(await swap.prepare(setup("first-secret-0123", "second-secret-0123"), None))
    told = [health.target("own", f"aigpk_own_{number}") for number in (1, 2)]
    swap.adopt(await swap.prepare(setup("first-secret-0123", "another-secret-0123"), None))
    assert health.target("own", "aigpk_own_1") is told[0]
    assert health.target("own", "aigpk_own_2") is not told[1]


async def test_troubles_are_told_once(gateway: OpenGate) -> None:
    """What of the store cannot be used is an error in the log, once, and a number in the metrics."""
    gate = await gateway()
    lost = ProviderKeyRecord(id="aigpk_9", spec=ProviderKeySpec(provider_id="own"), redacted="sk***", **STAMPS)
    broken = attrs.evolve(whole(0), provider_keys=(lost,), values={})
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            assert await gate.process.swap.take(broken)
    lines = [line for line in logs if line["event"] == "store_trouble"]
    assert [("aigpk_9" in line["trouble"], line["log_level"]) for line in lines] == [(True, "error")]
    assert gate.process.swap.troubles == 1

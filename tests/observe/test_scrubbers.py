"""Whose secrets are taken out of whose texts."""

from __future__ import annotations

from aigw.observe.scrub import MARK
from aigw.observe.scrubbers import EVERYBODY, MANY, Scrubbers
from aigw.secret import Secret

OURS, ONE, TWO = (Secret(f"{whose}-secret-0123456789") for whose in ("operators", "accounts", "others"))
TEXT = f"{OURS.reveal()} {ONE.reveal()} {TWO.reveal()}"
SECRETS = frozenset({(EVERYBODY, OURS), ("one", ONE), ("two", TWO)})


def test_each_account_has_its_own() -> None:
    """The operator's secrets are taken out of everybody's texts, an account's out of its own alone."""
    made = Scrubbers(SECRETS)
    assert made.of("one").scrub(TEXT) == f"{MARK} {MARK} {TWO.reveal()}"
    assert made.of("three").scrub(TEXT) == made.of(EVERYBODY).scrub(TEXT) == f"{MARK} {ONE.reveal()} {TWO.reveal()}"
    assert made.every.scrub(TEXT) == f"{MARK} {MARK} {MARK}"


def test_a_secret_of_two_accounts() -> None:
    """A value that two accounts keep is a secret to both."""
    made = Scrubbers({("one", ONE), ("two", ONE)})
    assert [made.of(each).scrub(ONE.reveal()) for each in ("one", "two", "three")] == [MARK, MARK, ONE.reveal()]


def test_what_is_the_same_is_not_made_anew() -> None:
    """A change of one account leaves the patterns of the others as they are, until the operator's change."""
    before = Scrubbers(SECRETS)
    one, two = before.of("one"), before.of("two")
    after = Scrubbers({*SECRETS, ("two", ONE)}, before)
    assert after.of("one") is one
    assert after.of("two") is not two
    assert after.of("two").scrub(ONE.reveal()) == MARK
    assert Scrubbers({*SECRETS, (EVERYBODY, TWO)}, after).of("one") is not one


def test_an_account_with_many() -> None:
    """All of them are known, however many there are."""
    many = [Secret(f"secret-{number}-0123456789") for number in range(2 * MANY)]
    made = Scrubbers([("one", each) for each in many])
    assert made.of("one").scrub(" ".join(each.reveal() for each in many)) == " ".join([MARK] * len(many))

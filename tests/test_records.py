"""The product's nouns as values."""

from __future__ import annotations

import attrs
import pytest

from aigw.records import MANAGED, USER, AccessKey, Configuration, ProviderKey, Scope, Step
from aigw.secret import Secret

SECRET = "sk-records-0123456789abcdefghij"


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope(), True),
        (Scope(providers=frozenset({"maker"})), True),
        (Scope(providers=frozenset({"Maker"})), False),
        (Scope(providers=frozenset()), False),
        (Scope(models=frozenset({("maker", "lyre-2")})), True),
        (Scope(models=frozenset({("host", "lyre-2")})), False),
        (Scope(models=frozenset()), False),
        (Scope(frozenset({"maker"}), frozenset({("maker", "lyre-2")})), True),
        (Scope(frozenset({"host"}), frozenset({("maker", "lyre-2")})), False),
    ],
)
def test_a_scope(scope: Scope, allowed: bool) -> None:
    """Both lists have to allow; provider ids compare exactly, models without case; none allows all, empty nothing."""
    assert scope.allows("maker", "Lyre-2") is allowed


def test_a_provider_key_shows_only_its_redacted_form() -> None:
    """Neither `repr` nor the redacted form gives the secret away."""
    key = ProviderKey("aigpk_1", "maker", Secret(SECRET))
    assert SECRET not in repr(key)
    assert key.redacted == "sk-records***ghij"
    assert (key.source, ProviderKey("aigpk_2", "maker", Secret(SECRET), MANAGED).source) == (USER, MANAGED)


def test_provider_keys_compare_by_identity() -> None:
    """A rotated key keeps its id; what was made with the old secret must not be found with the new one."""
    assert ProviderKey("aigpk_1", "maker", Secret(SECRET)) != ProviderKey("aigpk_1", "maker", Secret(SECRET))


def test_an_access_key_hides_its_digest() -> None:
    """What authenticates is not shown."""
    assert "d1ge5t" not in repr(AccessKey("aigk_1", "app", b"d1ge5t"))


@pytest.mark.parametrize("noun", [AccessKey("aigk_1", "app", b""), ProviderKey("aigpk_1", "m", Secret("x"))])
def test_they_are_values(noun: AccessKey | ProviderKey) -> None:
    """Nothing changes one in place."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        noun.id = "other"  # type: ignore[misc]


HERE, THERE = (Step(keys=("here",)),), (Step(keys=("there",)),)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, None),
        ({("maker", ""): THERE}, THERE),
        ({("host", ""): THERE}, None),
        ({("maker", "lyre-2"): HERE, ("maker", ""): THERE}, HERE),
        ({("", "lyre-2"): HERE, ("maker", ""): THERE}, HERE),
        ({("", "maker:lyre-2"): HERE, ("", "lyre-2"): THERE}, HERE),
        ({("", "maker/lyre-2"): HERE, ("", "lyre-2"): THERE}, HERE),
        ({("host", "lyre-2"): HERE, ("", "host:lyre-2"): HERE}, None),
        ({("maker", "lyre-2"): ()}, ()),
    ],
)
def test_rules(rules: dict[tuple[str, str], tuple[Step, ...]], expected: tuple[Step, ...] | None) -> None:
    """The closest one: this model of this provider, this model of any, this provider. No steps are not no rule."""
    assert Configuration("aigac_1", rules=rules).steps("maker", "Lyre-2") == expected

"""From a written name to a provider and its model."""

from __future__ import annotations

import attrs
import pytest

from aigw.errors import NotFound
from aigw.routing import resolve as resolving
from aigw.routing.resolve import resolve

from ..support.snapshots import snapshot

SNAPSHOT = snapshot()


@pytest.mark.parametrize(
    ("name", "provider", "model", "known"),
    [
        # A prefix chooses the provider, whether the catalog has the model or not.
        ("maker:Lyre-2", "maker", "Lyre-2", True),
        ("host:Lyre-2", "host", "Lyre-2", False),
        ("host:org/drum", "host", "org/drum", True),
        ("maker:new-thing", "maker", "new-thing", False),
        ("host:a:b:c", "host", "a:b:c", False),
        ("host:maker:x", "host", "maker:x", False),
        # Model ids compare without case, and go out as the provider spells them.
        ("maker:LYRE-2", "maker", "Lyre-2", True),
        ("lyre-2", "maker", "Lyre-2", True),
        ("ORG/DRUM", "host", "org/drum", True),
        # Declared by the operator: before the catalog, with colons in the name.
        ("llama3.2:1b", "local", "Llama3.2:1b", True),
        ("LLAMA3.2:1B", "local", "Llama3.2:1b", True),
        ("local:llama3.2:1b", "local", "Llama3.2:1b", True),
        ("lyre-2-mini", "local", "lyre-2-mini", True),
        ("maker:lyre-2-mini", "maker", "lyre-2-mini", True),
        ("other:lyre-2-MINI", "other", "Lyre-2-mini", True),
        # White space around a name is a slip of the pen.
        (" maker: Lyre-2\n", "maker", "Lyre-2", True),
    ],
)
def test_names_that_mean_a_model(name: str, provider: str, model: str, known: bool) -> None:
    """Prefix first, then what the operator declared, then the catalog's default provider."""
    target = resolve(name, SNAPSHOT)
    assert (target.provider.id, target.model, target.known) == (provider, model, known)


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("lyre-3", "unknown_model", "`Lyre-2`"),
        ("drum", "unknown_model", "`provider:model`"),
        ("", "unknown_model", "`provider:model`"),
        ("phi3:mini", "unknown_model", "The model `phi3:mini` is not in the catalog"),
        ("makr:Lyre-2", "unknown_provider", "did you mean `maker:`"),
        ("MAKER:Lyre-2", "unknown_provider", "did you mean `maker:`"),
        ("acme:lyre-2", "unknown_provider", "No provider is called `acme`."),
        ("acme:llama3.2:1b", "unknown_provider", "No provider is called `acme`."),
        ("org/x:lyre-9", "unknown_model", "`org/x:lyre-9`"),
        ("maker:", "unknown_model", "names no model"),
        ("maker: ", "unknown_model", "names no model"),
        # Listed for a provider that is switched off: not to be had.
        ("flute", "unknown_model", "`provider:model`"),
    ],
)
def test_names_that_mean_none(name: str, code: str, words: str) -> None:
    """The refusal says what to write instead: near names, the prefix form, the providers there are."""
    with pytest.raises(NotFound) as caught:
        resolve(name, SNAPSHOT)
    assert caught.value.error_code == code
    assert caught.value.param == "model"
    assert words in caught.value.message
    assert "host, keyless, local, maker, other, speaker, talker" in caught.value.message


def test_an_alias_nearly_written() -> None:
    """Who mistypes an alias of the account is told of it."""
    with pytest.raises(NotFound, match="`house-speaker`"):
        resolve("house-speakr", attrs.evolve(SNAPSHOT, aliases={"house-speaker": "maker:lyre-2"}))


def test_a_long_name_is_cut_in_the_message() -> None:
    """What a caller wrote comes back bounded."""
    with pytest.raises(NotFound) as caught:
        resolve("x" * 100_000, SNAPSHOT)
    assert len(caught.value.message) < 1000


def test_without_any_provider() -> None:
    """A gateway without providers still answers."""
    with pytest.raises(NotFound, match="`openai:gpt`"):
        resolve("gpt", snapshot(providers=(), keys={}))


def test_an_account_with_very_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """All requests wait while a name is compared: it is with a few of an account's models and providers alone."""
    compared: list[int] = []

    def matches(word: str, known: list[str], *_: object) -> list[str]:
        compared.append(len(known))
        return []

    monkeypatch.setattr("difflib.get_close_matches", matches)
    local = SNAPSHOT.providers["local"]
    crowded = attrs.evolve(
        SNAPSHOT,
        declared={f"model-{number}": ("local", f"model-{number}") for number in range(10_000)},
        providers={**SNAPSHOT.providers, **{f"box-{number}": local for number in range(10_000)}},
    )
    for name in ("modell-1", "boxx:modell-1"):
        with pytest.raises(NotFound) as caught:
            resolve(name, crowded)
        assert len(str(caught.value)) < 2500
    assert compared == [resolving.MOST_COMPARED] * 3

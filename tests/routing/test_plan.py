"""The candidates of a request, in order, and why others are none."""

from __future__ import annotations

import attrs
import pytest

from aigw import adapter, operations
from aigw.errors import InvalidBody, LossyTranslation, NoCredentials, NotAllowed, NotFound, Refusal
from aigw.records import AccessKey
from aigw.routing.plan import MAX_NAME, MAX_NAMES, Candidate, Plan, plan
from aigw.snapshot import Limits

from ..support.snapshots import ANYBODY, scoped, snapshot

SNAPSHOT = snapshot()


def planned(model: str | None, *models: str, key: AccessKey = ANYBODY) -> Plan:
    """The plan of a chat request."""
    return plan(operations.CHAT, model, models, key, SNAPSHOT)


def told(found: Plan) -> list[str]:
    """Candidates as provider:model/key."""
    return [f"{each.provider.id}:{each.model}/{each.key.id if each.key else '-'}" for each in found.candidates]


def test_every_key_of_the_model_then_the_next_model() -> None:
    """Order: `model`, then each of `models`; of each all keys in their order; no candidate twice."""
    found = planned("lyre-2", "host:org/drum", "maker:LYRE-2", "local:x")
    assert told(found) == [
        "maker:Lyre-2/aigpk_maker_1",
        "maker:Lyre-2/aigpk_maker_2",
        "host:org/drum/aigpk_host_1",
        "local:x/-",
    ]


def test_models_alone_are_enough() -> None:
    """`models` may come without `model`."""
    assert told(planned(None, "org/drum")) == ["host:org/drum/aigpk_host_1"]


def test_names_that_cannot_be_called_are_passed_over() -> None:
    """As long as one name can be called the others are only noted, with their reasons."""
    found = planned("nothing-like-it", "speaker:x", "keyless:x", "org/drum")
    assert told(found) == ["host:org/drum/aigpk_host_1"]
    assert [(each.name, each.refusal.error_code) for each in found.passed] == [
        ("nothing-like-it", "unknown_model"),
        ("speaker:x", "lossy_translation"),
        ("keyless:x", "no_credentials"),
    ]


@pytest.mark.parametrize(
    ("names", "kind", "words"),
    [
        ((), InvalidBody, "`model` is missing"),
        (("nothing-like-it",), NotFound, "not in the catalog"),
        (("nope:x",), NotFound, "nope:x"),
        (("speaker:x",), LossyTranslation, "It serves: audio"),
        (("keyless:x",), NoCredentials, "KEYLESS_API_KEY"),
        (("keyless:x", "speaker:x"), NoCredentials, "keyless"),
        (("a",) * MAX_NAMES, NotFound, "not in the catalog"),
        (("a",) * (MAX_NAMES + 1), InvalidBody, "more than"),
        (("a" * MAX_NAME,), NotFound, "not in the catalog"),
        (("maker:" + "x" * MAX_NAME,), InvalidBody, "longer than"),
        (("lyre-2", "maker:" + "x" * MAX_NAME), InvalidBody, "longer than"),
    ],
)
def test_without_a_candidate_the_first_reason_is_told(names: tuple[str, ...], kind: type[Refusal], words: str) -> None:
    """Nothing is called, and the refusal is that of the first name."""
    with pytest.raises(kind) as caught:
        planned(names[0] if names else None, *names[1:])
    assert words in caught.value.message
    assert caught.value.param in ("model", "models")


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        (scoped(), True),
        (scoped(providers={"maker"}), True),
        (scoped(providers={"host"}), False),
        (scoped(providers=set()), False),
        (scoped(models={("maker", "lyre-2")}), True),
        (scoped(models={("host", "lyre-2")}), False),
        (scoped(models={("maker", "lyre-2-mini")}), False),
        (scoped(models=set()), False),
        (scoped(providers={"maker"}, models={("maker", "lyre-2")}), True),
        (scoped(providers={"host"}, models={("maker", "lyre-2")}), False),
    ],
)
def test_scope(key: AccessKey, allowed: bool) -> None:
    """Both lists have to allow a candidate; an absent list allows all, an empty one nothing."""
    if allowed:
        assert told(planned("maker:LYRE-2", key=key))
        return
    with pytest.raises(NotAllowed) as caught:
        planned("maker:LYRE-2", key=key)
    assert "`Lyre-2` of the provider `maker`" in caught.value.message


def test_scope_drops_candidates_and_keeps_the_others() -> None:
    """A candidate that is not allowed is dropped; the request goes on with what is left."""
    assert told(planned("lyre-2", "org/drum", key=scoped(providers={"host"}))) == ["host:org/drum/aigpk_host_1"]


def test_scope_is_told_before_anything_else() -> None:
    """Of several reasons the one that an operator can change comes first."""
    with pytest.raises(NotAllowed):
        planned("keyless:x", "lyre-2", key=scoped(providers={"keyless"}))


@pytest.mark.parametrize("model", ["a\r\nset-cookie: x", "größer", "a\x00b", "\x7f", "a b"])
def test_a_name_cannot_end_a_header_line(model: str) -> None:
    """What is shown of a model in a header is one line of visible ASCII."""
    shown = Candidate(SNAPSHOT.providers["maker"], model, None, False).shown
    lines = shown.split(b"\r\n")
    assert [line.partition(b": ")[0] for line in lines] == [b"x-aigw-provider", b"x-aigw-model", b""]
    assert all(0x20 < byte < 0x7F for byte in lines[1].partition(b": ")[2])


def ways(operation: adapter.Operation, model: str) -> list[tuple[str, str]]:
    """The surfaces that a request of this operation would be translated to, with their formats."""
    (found,) = plan(operation, model, (), ANYBODY, SNAPSHOT).candidates
    return [(way.surface, way.format) for way in found.ways]


@pytest.mark.parametrize(
    ("operation", "model", "expected"),
    [
        (operations.RESPONSES, "talker:x", []),
        (operations.MESSAGES, "talker:x", []),
        (operations.CHAT, "talker:x", [("messages", "messages"), ("responses", "responses")]),
        (operations.GEMINI_STREAM, "talker:x", [("messages", "messages"), ("responses", "responses")]),
    ],
)
def test_a_format_that_a_provider_does_not_speak_is_translated(
    operation: adapter.Operation, model: str, expected: list[tuple[str, str]]
) -> None:
    """Where the caller's own format is spoken there is nothing to translate; else the provider's own are the ways."""
    assert sorted(ways(operation, model)) == expected


def test_tokens_are_estimated_where_nobody_counts_them() -> None:
    """A provider with conversations and no counting leaves it to the gateway; one without conversations is none."""
    (found,) = plan(operations.COUNT_TOKENS, "talker:x", (), ANYBODY, SNAPSHOT).candidates
    assert found.estimated
    with pytest.raises(LossyTranslation):
        plan(operations.COUNT_TOKENS, "speaker:x", (), ANYBODY, SNAPSHOT)


@pytest.mark.parametrize(
    ("limits", "plain", "bounded"),
    [
        (Limits(), True, False),
        (Limits(max_input_tokens=10), False, False),
        (Limits(max_output_tokens=10), False, True),
        (Limits(max_input_tokens=10, max_output_tokens=10), False, True),
    ],
)
def test_limits_of_tokens(limits: Limits, plain: bool, bounded: bool) -> None:
    """Where tokens are limited a request waits for its end; its bytes change for a limit of output alone."""
    account = attrs.evolve(SNAPSHOT, limits=limits)
    found = plan(operations.CHAT, "lyre-2", (), ANYBODY, account).candidates
    assert {(each.plain, each.bounded) for each in found} == {(plain, bounded)}

"""One tree of errors, drawn in its module's docstring; the type says whether another candidate may help."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from aigw import errors
from aigw.errors import AigwError, AttemptFailed, ConfigError, Helps, Refusal


def tree(root: type[AigwError], depth: int = 0) -> Iterator[tuple[int, str]]:
    """Every class below a root with its depth, in the order of the module."""
    yield depth, root.__name__
    for each in root.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from tree(each, depth + 1)


def test_the_drawing_is_true() -> None:
    """The docstring draws the very tree that the classes are, in the same order."""
    lines = (errors.__doc__ or "").splitlines()
    found = [match for line in lines if (match := re.match(r"(?:([│├└ ─]*)[├└]── )?(\w+Error|\w+)(?= {2,}|$)", line))]
    drawn = [(len(match[1]) // 4 + 1 if match[1] is not None else 0, match[2]) for match in found]
    assert sorted(drawn) == sorted(tree(AigwError))


@pytest.mark.parametrize("kind", Refusal.__subclasses__(), ids=lambda kind: kind.__name__)
def test_a_refusal_knows_its_status(kind: type[Refusal]) -> None:
    """Each kind has a status and a code of its own, which a single refusal may replace."""
    usual = kind("what to do next")
    assert (usual.http_status, usual.error_code, usual.message) == (kind.status, kind.code, "what to do next")
    assert 400 <= usual.http_status < 600
    assert (usual.param, usual.retry_after, usual.headers) == (None, None, ())
    other = kind("x", code="other", status=418, param="model", retry_after=3, headers=(("allow", "GET"),))
    assert (other.http_status, other.error_code, other.param) == (418, "other", "model")
    assert (other.retry_after, other.headers) == (3, (("allow", "GET"),))


@pytest.mark.parametrize("kind", AttemptFailed.__subclasses__(), ids=lambda kind: kind.__name__)
def test_an_attempt_s_failure_says_who_may_help(kind: type[AttemptFailed]) -> None:
    """Another key may help as long as nothing has gone to the caller."""
    failed = kind("connect_timeout", "after 5s")
    assert failed.helps is (Helps.NOTHING if kind is errors.AnswerBroken else Helps.NEXT_KEY)
    assert (str(failed), failed.reason, failed.detail) == ("connect_timeout: after 5s", "connect_timeout", "after 5s")
    assert str(kind("closed")) == "closed"


def test_a_mistake_of_the_operator_s() -> None:
    """Its message is all there is to it."""
    assert ConfigError("x: is wrong").message == str(ConfigError("x: is wrong")) == "x: is wrong"

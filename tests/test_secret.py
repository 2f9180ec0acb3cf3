"""Secrets do not show themselves."""

import copy
import json
import pickle
import traceback

import attrs
import pytest

from aigw.secret import Secret

TOKEN = "sk-live-0123456789abcdefWXYZ"


def test_only_reveal_gives_the_text() -> None:
    """The text comes out of reveal() and nowhere else."""
    secret = Secret(TOKEN)
    assert secret.reveal() == TOKEN
    assert [repr(secret), str(secret), f"{secret}", f"{secret!r:>5}", "%s" % secret] == [  # noqa: UP031
        "***",
        "***",
        "***",
        "  ***",
        "***",
    ]


def test_containers_and_value_objects_hide_it() -> None:
    """A secret inside a list, a dict or an attrs object shows as stars in their repr."""

    @attrs.frozen
    class Holder:
        key: Secret

    assert TOKEN not in repr([Secret(TOKEN), {"key": Secret(TOKEN)}, Holder(Secret(TOKEN))])


def test_a_traceback_does_not_show_it() -> None:
    """A traceback that prints local variables prints stars."""
    secret = Secret(TOKEN)
    try:
        raise RuntimeError(secret)
    except RuntimeError as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        assert TOKEN not in "".join(line for line in lines if "secret = " in line or "RuntimeError" in line)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_cannot_be_pickled(protocol: int) -> None:
    """No pickle protocol carries a secret away."""
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret(TOKEN), protocol)
    with pytest.raises(TypeError, match="cannot be pickled"):
        Secret(TOKEN).__getstate__()


def test_it_is_not_json() -> None:
    """JSON refuses a secret, and a careless `default=str` gets stars."""
    with pytest.raises(TypeError):
        json.dumps(Secret(TOKEN))
    assert json.dumps(Secret(TOKEN), default=str) == '"***"'


def test_it_has_no_dict_and_cannot_change() -> None:
    """A secret is a constant without further attributes."""
    secret = Secret(TOKEN)
    with pytest.raises(TypeError):
        vars(secret)
    with pytest.raises(AttributeError):
        secret._value = "other"
    with pytest.raises(AttributeError):
        del secret._value
    with pytest.raises(AttributeError):
        secret.note = "x"


def test_equality_is_by_text_and_only_between_secrets() -> None:
    """Equal texts are equal secrets with one hash; a plain string is never equal to one."""
    assert Secret(TOKEN) == Secret(TOKEN)
    assert Secret(TOKEN) != Secret(TOKEN[:-1])
    assert Secret("schlüssel\udc80") != Secret("schlüssel")
    assert (Secret(TOKEN) == TOKEN) is False
    assert len({Secret(TOKEN), Secret(TOKEN), Secret("other")}) == 2


def test_copies_are_the_secret_itself() -> None:
    """Copying an object that holds a secret works and makes no second one."""
    secret = Secret(TOKEN)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x", "***"),
        ("x" * 19, "***"),
        ("0123456789abcdefghij", "0123456789***ghij"),
        (TOKEN, "sk-live-01***WXYZ"),
    ],
)
def test_redacted_shows_ends_of_long_secrets_only(text: str, shown: str) -> None:
    """The redacted form is first10***last4, and nothing at all below 20 characters."""
    assert Secret(text).redacted == shown


def test_an_empty_secret_is_refused() -> None:
    """An empty secret would authenticate anybody, so there is none."""
    with pytest.raises(ValueError, match="empty"):
        Secret("")


def test_a_secret_is_made_of_text() -> None:
    """Bytes or None are a mistake of the caller, named as one without quoting the value."""
    with pytest.raises(TypeError, match="made of a string"):
        Secret(b"sk")  # type: ignore[arg-type]

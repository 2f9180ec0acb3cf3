from __future__ import annotations

import pytest

from aigw.wire.places import dotted, quoted, refusal


@pytest.mark.parametrize(
    ("pointer", "path"),
    [
        ("/messages/2/content/0", "messages[2].content[0]"),
        ("/tools/0/function/x~1y~0z", "tools[0].function.x/y~z"),
        ("/input", "input"),
        ("/0/1", "0[1]"),
        ("", ""),
    ],
)
def test_pointers_as_paths(pointer: str, path: str) -> None:
    """A place is named in the notation that callers know from the providers' own refusals."""
    assert dotted(pointer) == path


def test_refusals() -> None:
    """A refusal names the place in its words and in its `param`."""
    assert (refusal("/a/0", "is bad").message, refusal("/a/0", "is bad").param) == ("a[0] is bad.", "a[0]")
    assert refusal("/a/0 /b", "is bad").param == "a[0]"
    assert (refusal("", "is bad").message, refusal("", "is bad").param) == ("The request is bad.", None)


def test_long_words() -> None:
    """A refusal does not repeat a megabyte of the caller's."""
    assert quoted("call_1") == "'call_1'"
    assert len(quoted("x" * 1_000_000)) < 70

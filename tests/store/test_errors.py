"""The store's tree of errors is the one that its docstring draws."""

from __future__ import annotations

import re

from aigw.errors import AigwError
from aigw.store import errors
from aigw.store.errors import Conflict, Invalid, NotFound, StoreError


def test_the_drawing_is_true() -> None:
    """Every error of the store is drawn, and is a StoreError; so whoever calls the store needs to catch one."""
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    assert drawn == [each.__name__ for each in StoreError.__subclasses__() if each.__module__ == errors.__name__]
    assert issubclass(StoreError, AigwError)


def test_errors_carry_what_an_answer_needs() -> None:
    """What is missing, what clashes, which field: as values, not only as words."""
    missing = NotFound("access key", "aigk_1")
    assert (missing.what, missing.id) == ("access key", "aigk_1")
    clash = Conflict("referenced", "in use", ["aigk_1"])
    assert (clash.reason, clash.ids, str(clash)) == ("referenced", ("aigk_1",), "in use")
    wrong = Invalid("name", "is too long")
    assert (wrong.field, wrong.message, str(wrong)) == ("name", "is too long", "name: is too long")

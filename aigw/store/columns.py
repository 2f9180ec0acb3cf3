"""How values are kept, the same in both databases: times as microseconds, money exactly, specs as JSON text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """The time that many microseconds after 1970 began."""
    return _EPOCH + timedelta(0, 0, microseconds)


def _moment(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(0, 0, value)


class Instant(TypeDecorator[datetime]):
    """A point in time, as whole microseconds since 1970 (UTC)."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """As it is kept."""
        return None if value is None else microseconds(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """As it was: one call instead of the usual two, for the hundred thousands of a snapshot."""
        return _moment


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


class Money(TypeDecorator[Decimal]):
    """An exact amount: NUMERIC in PostgreSQL, text in SQLite, which has no decimals."""

    impl = sa.Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type of this database."""
        return dialect.type_descriptor(sa.Text() if dialect.name == "sqlite" else sa.Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """As it is kept."""
        return format(value, "f") if value is not None and dialect.name == "sqlite" else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Decimal | None]:
        """As it was, by one call as above."""
        return _decimal


class Shaped(TypeDecorator[Any]):
    """A value of some type (a frozen class, a tuple of them) as JSON text."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.shape = shape

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """As it is kept."""
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """As it was; checked on the way."""
        return None if value is None else msgspec.json.decode(value, type=self.shape)


def id_type(length: int = 40) -> sa.String:
    """Text that sorts by its bytes, whatever the database's language is: the order of ids is the order of time."""
    return sa.String(length, collation="C").with_variant(sa.String(length), "sqlite")

"""What every text, number and amount that is kept must fulfil. All raise Invalid, which names the field."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from aigw.settings.nouns import PROVIDER_ID
from aigw.store.errors import Invalid

NAME = 255
DESCRIPTION = 255
METADATA = 4096
URL = 2048
PRESET = 64
MODEL = 512
ENTRIES = 10_000
# In all custom providers of an account: each is in every worker's memory, and in the list that apps are told.
MODELS = 20_000
WHOLE = 2**53 - 1
# US dollars: more than any budget, few enough digits for every database.
LARGEST_AMOUNT = Decimal(10) ** 12
DECIMAL_PLACES = 12
_SMALLEST = Decimal(1).scaleb(-DECIMAL_PLACES)
# PostgreSQL keeps no NUL; half of a surrogate pair is no character.
_UNFIT = re.compile("[\0\ud800-\udfff]")


def text(field: str, value: object, longest: int, *, empty: bool = True) -> None:
    """A text of characters that every database can keep."""
    if not isinstance(value, str):
        raise Invalid(field, "must be a string")
    if not value and empty:
        return
    if len(value) > longest:
        raise Invalid(field, f"is too long: {len(value)} characters, at most {longest}")
    if not empty and not value.strip():
        raise Invalid(field, "may not be empty")
    if _UNFIT.search(value):
        raise Invalid(field, "holds a character that cannot be kept")


def count(field: str, value: object, least: int = 1, most: int = WHOLE) -> None:
    """A whole number, or None for none."""
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Invalid(field, f"must be a whole number from {least} to {most}")


def amount(field: str, value: object) -> None:
    """An exact amount of US dollars above zero."""
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 < value <= LARGEST_AMOUNT:
        raise Invalid(field, f"must be an amount above 0, at most {LARGEST_AMOUNT}")
    if value != value.quantize(_SMALLEST):
        raise Invalid(field, f"may have {DECIMAL_PLACES} decimal places")


def seconds(field: str, value: object) -> None:
    """A duration above zero and up to a day, or None for none."""
    if value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 86400:
        raise Invalid(field, "must be a duration above 0s, at most 24h")


def moment(field: str, value: object) -> None:
    """A point in time that knows its zone, or None for none."""
    if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
        raise Invalid(field, "must be a time with a zone")


def one_of(field: str, value: object, known: Collection[str]) -> None:
    """One of a few words."""
    if value not in known:
        raise Invalid(field, f"must be one of {', '.join(known)}")


def provider_id(field: str, value: object) -> None:
    """The id of a provider, as it stands before the colon of a model."""
    text(field, value, 63, empty=False)
    if not re.fullmatch(PROVIDER_ID, str(value)):
        raise Invalid(field, 'is no provider id: lower-case letters, digits and "-", at most 63')


def model(field: str, value: object) -> None:
    """The id of a model: no white space, nothing that cannot be printed."""
    text(field, value, MODEL, empty=False)
    if not str(value).isprintable() or any(char.isspace() for char in str(value)):
        raise Invalid(field, "must be a model id without spaces")


def scoped(field: str, value: object) -> str:
    """A model of a provider, `provider:model` or `provider/model`: the provider."""
    model(field, value)
    found = re.fullmatch(rf"({PROVIDER_ID})[:/](\S+)", str(value))
    if found is None:
        raise Invalid(field, 'must name provider and model: "provider:model" or "provider/model"')
    return found[1]


def few(field: str, value: object) -> None:
    """A tuple of a bearable length."""
    if not isinstance(value, tuple) or len(value) > ENTRIES:
        raise Invalid(field, f"must be a list, of {ENTRIES} at most")

"""What callers are told of errors."""

from __future__ import annotations

import json

import pytest

from aigw.control.problems import CODES, ApiError, camel_keys, field_name, told
from aigw.errors import AigwError, ConfigError
from aigw.store import errors

NAMES = {"rules": "router.rules", "configuration_id": "access_key_configuration_id"}


@pytest.mark.parametrize(
    ("error", "status", "code", "details"),
    [
        (errors.NotFound("access key", "secret-id"), 404, "notFound", {}),
        (errors.Invalid("id", "is too long"), 404, "notFound", {}),
        (
            errors.Invalid("rules[0].steps[1].keys", "x"),
            400,
            "invalidValue",
            {"field": "router.rules[0].steps[1].keys"},
        ),
        (errors.Conflict(errors.DUPLICATE, "x", ["a"]), 409, "duplicate", {"ids": ["a"]}),
        (errors.Conflict(errors.REFERENCED, "x", ["a"]), 409, "referenced", {"ids": ["a"]}),
        (errors.Conflict(errors.IN_USE, "x"), 409, "inUse", {}),
        (errors.Conflict(errors.STALE, "x"), 412, "stale", {}),
        (errors.StoreUnavailable("inner"), 503, "storeUnavailable", {}),
        (errors.StoreTooNew("a newer version"), 503, "unavailable", {}),
        (errors.StoreError("run `aigw store migrate`"), 503, "unavailable", {}),
        (errors.Unsealable("inner"), 500, "internal", {}),
        (ConfigError("AIGW_SECRET_KEY"), 503, "unavailable", {}),
        (ApiError("forbidden", "x"), 403, "forbidden", {}),
    ],
)
def test_errors(error: AigwError, status: int, code: str, details: object) -> None:
    """Each kind has its status and code, and tells nothing of what is within."""
    answer = told(error, NAMES)
    body = json.loads(answer.body)
    assert (answer.status, body["statusCode"], body["errorCode"], body["details"]) == (status, status, code, details)
    assert "inner" not in body["msg"]
    assert "secret-id" not in body["msg"]
    assert (status == 503) == ("retry-after" in dict(answer.headers))


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("base_url", "baseUrl"),
        ("rules[3].steps", "router.rules[3].steps"),
        ("configuration_id", "accessKeyConfigurationId"),
        ("budget.amount", "budget.amount"),
    ],
)
def test_fields_have_the_names_of_the_api(field: str, name: str) -> None:
    """A caller finds the member under the name that it sent."""
    assert field_name(field, NAMES) == name


def test_keys_of_an_audit_row() -> None:
    """Members are spelled alike at every depth; values are left alone."""
    assert camel_keys({"base_url": ["a_b", {"model_id": "c_d"}]}) == {"baseUrl": ["a_b", {"modelId": "c_d"}]}


def test_every_conflict_has_a_code() -> None:
    """What the store calls a conflict can be told."""
    for reason in (errors.DUPLICATE, errors.REFERENCED, errors.STALE, errors.IN_USE):
        assert told(errors.Conflict(reason, "x"), {}).status in (409, 412)
    assert all(400 <= status < 600 for status, _ in CODES.values())

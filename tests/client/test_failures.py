"""What an operator reads when something was not done."""

from __future__ import annotations

import http.client
import ssl
from typing import Any

import pytest

from aigw.client.endpoint import Endpoint, Target
from aigw.client.failures import refused, unreachable
from aigw.secret import Secret

ENDPOINT = Endpoint("127.0.0.1", 8081)
TARGET = Target(ENDPOINT, Secret("aigw-api-secret"), source="key.txt")


def body(code: str, message: str, **details: Any) -> dict[str, Any]:
    """An error as the API tells it."""
    return {"errorCode": code, "statusCode": 0, "msg": message, "details": details}


@pytest.mark.parametrize(
    ("status", "told", "lines"),
    [
        (404, body("notFound", "No such key."), ["No such key."]),
        (409, body("referenced", "In use.", ids=["a", "b"]), ["In use.", "  ids: a, b"]),
        (409, body("referenced", "In use: a.", ids=["a"]), ["In use: a."]),
        (400, body("invalidValue", "name: too long", field="name"), ["name: too long"]),
        (400, body("invalidValue", "", field="name"), ["invalidValue", "  field: name"]),
        (400, body("invalidValue", "bad\x1b[2J"), ["bad\\x1b[2J"]),
        (422, body("x", "Refused:\n  a = 1\n  b = 2"), ["Refused:", "  a = 1", "  b = 2"]),
        (412, body("stale", "Changed."), ["Changed.", "  Somebody changed it meanwhile: look at it again"]),
    ],
)
def test_errors_of_the_api(status: int, told: dict[str, Any], lines: list[str]) -> None:
    """The message, then what it does not say already, then what to do."""
    assert str(refused(status, told, TARGET)).splitlines() == lines


@pytest.mark.parametrize(("status", "hint"), [(401, "the key of key.txt"), (403, "operator-key"), (503, "/readyz")])
def test_what_to_do_next(status: int, hint: str) -> None:
    """Some errors are about how the command was called: the key itself is not shown."""
    said = str(refused(status, body("x", "No."), TARGET))
    assert hint in said
    assert "secret" not in said


def test_somebody_else() -> None:
    """An answer in another form comes from no control API."""
    assert "not as a control API does" in str(refused(404, {"error": {"message": "no"}}, TARGET))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(), "nothing listens at http://127.0.0.1:8081"),
        (FileNotFoundError(), "nothing listens at http://127.0.0.1:8081"),
        (TimeoutError(), "did not answer in time"),
        (PermissionError(13, "Permission denied"), "cannot be asked: Permission denied"),
        (http.client.RemoteDisconnected("x"), "broke off (RemoteDisconnected)"),
        (http.client.IncompleteRead(b""), "broke off (IncompleteRead)"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "certificate verify failed"),
        (OSError("odd"), "odd"),
    ],
)
def test_no_answer(error: Exception, said: str) -> None:
    """Why nobody answered, in words."""
    assert said in str(unreachable(ENDPOINT, "GET", error))


def test_a_change_without_an_answer() -> None:
    """Of a change that broke off nobody knows whether it was made: the message says so."""
    assert "not known" in str(unreachable(ENDPOINT, "POST", TimeoutError()))
    assert "not known" not in str(unreachable(ENDPOINT, "POST", ConnectionRefusedError()))
    assert "not known" not in str(unreachable(ENDPOINT, "GET", TimeoutError()))

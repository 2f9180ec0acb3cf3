"""What one request is answered: paths, keys, errors."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from aigw.sandbox.desk import Arrived, Verdict, decide
from aigw.sandbox.reply import House

_CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
_GEMINI = {"contents": [{"parts": [{"text": "hi"}]}]}
_BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": _CHAT,
    "/v1/messages": {**_CHAT, "max_tokens": 99},
    "/v1beta/models/m:generateContent": _GEMINI,
}


def _decide(path: str, body: Mapping[str, Any] | bytes = b"", method: str = "POST", **headers: str) -> Verdict:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return decide(Arrived(method, path, names, content), House(1))


def _error(verdict: Verdict) -> Any:
    return orjson.loads(verdict.reply.body)["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *_BODIES.items(),
        ("/chat/completions", _CHAT),
        ("/openai/v1/chat/completions", _CHAT),
        ("/v1beta/openai/chat/completions", _CHAT),
        ("/api/paas/v4/chat/completions", _CHAT),
        ("/openai/deployments/my-model/chat/completions?api-version=1", _CHAT),
        ("/anthropic/v1/messages", {**_CHAT, "max_tokens": 99}),
        ("/v1/models/a%2Fb:generateContent", _GEMINI),
        ("/models/tunedModels/b:generateContent", _GEMINI),
    ],
)
def test_any_base_url_fits(path: str, body: Mapping[str, Any]) -> None:
    """A surface is found under whatever stands before its own path."""
    verdict = _decide(path, body)
    assert (verdict.reply.status, b"You said: hi" in verdict.reply.body) == (200, True)


def test_faults_in_a_path_are_percent_encoded() -> None:
    """Gemini's model stands in the path, where clients encode it."""
    assert _decide("/v1beta/models/m%21status%3D503:generateContent", _GEMINI).reply.status == 503


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer sk-sandbox-fail-429"},
        {"x_api_key": "sk-sandbox-fail-429"},
        {"x_goog_api_key": "sk-sandbox-fail-429"},
        {"api_key": "sk-sandbox-fail-429"},
    ],
)
@pytest.mark.parametrize("path", _BODIES)
def test_a_failing_key_fails_wherever_it_stands(path: str, headers: dict[str, str]) -> None:
    """A key that names a status gets it, so that several keys of a provider can be told apart."""
    assert _decide(path, _BODIES[path], **headers).reply.status == 429


def test_a_key_in_the_query_counts() -> None:
    """Google's old habit of sending keys in the URL is understood."""
    assert _decide("/v1beta/models/m:generateContent?key=fail-403", _GEMINI).reply.status == 403


def test_bearer_comes_before_the_other_headers() -> None:
    """With two credentials the bearer token is the one that counts."""
    verdict = _decide("/v1/chat/completions", _CHAT, authorization="Bearer good", x_api_key="fail-500")
    assert verdict.reply.status == 200


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/chat/completions", {"type": "invalid_request_error", "code": "invalid_api_key"}),
        ("/v1/messages", {"type": "authentication_error", "message": "invalid x-api-key"}),
        ("/v1beta/models/m:generateContent", {"code": 401, "status": "UNAUTHENTICATED"}),
    ],
)
@pytest.mark.parametrize("headers", [{"authorization": "Bearer my-bad-key"}, {"x_sandbox_fault": "need-key"}])
def test_a_bad_or_missing_key_is_refused_in_the_apis_words(
    path: str, shape: dict[str, Any], headers: dict[str, str]
) -> None:
    """A bad key always, a missing one when the fault asks for it, gets the provider's own 401."""
    verdict = _decide(path, _BODIES[path], **headers)
    assert verdict.reply.status == 401
    assert shape.items() <= _error(verdict).items()


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/v1/chat/completions", 429, "rate_limit_error"),
        ("/v1/chat/completions", 402, "insufficient_quota"),
        ("/v1/chat/completions", 503, "server_error"),
        ("/v1/messages", 529, "overloaded_error"),
        ("/v1/messages", 413, "request_too_large"),
        ("/v1/messages", 500, "api_error"),
        ("/v1/messages", 422, "invalid_request_error"),
        ("/v1beta/models/m:generateContent", 429, "RESOURCE_EXHAUSTED"),
        ("/v1beta/models/m:generateContent", 500, "INTERNAL"),
        ("/v1beta/models/m:generateContent", 418, "INVALID_ARGUMENT"),
    ],
)
def test_statuses_have_the_apis_own_names(path: str, status: int, kind: str) -> None:
    """Each API names the kind of its errors."""
    error = _error(_decide(path, _BODIES[path], x_sandbox_fault=f"status={status}"))
    assert kind in (error.get("type"), error.get("status"))


@pytest.mark.parametrize("path", _BODIES)
def test_a_success_can_hold_an_error(path: str) -> None:
    """Some providers put an error into a 200; which one can be said."""
    verdict = _decide(path, _BODIES[path], x_sandbox_fault="error-first,error-status=429")
    assert verdict.reply.status == 200
    assert "Rate limit" in _error(verdict)["message"]


def test_another_success_is_still_an_answer() -> None:
    """A status in the 200s changes the status only."""
    verdict = _decide("/v1/chat/completions", _CHAT, x_sandbox_fault="status=201")
    assert (verdict.reply.status, b"You said" in verdict.reply.body) == (201, True)


@pytest.mark.parametrize(
    ("path", "headers", "shape"),
    [
        ("/v1/nonsense", {}, "param"),
        ("/v1/nonsense", {"anthropic_version": "2023-06-01"}, "details"),
        ("/v1beta/nonsense", {}, "status"),
    ],
)
def test_an_unknown_path_is_not_found_in_the_likeliest_shape(path: str, headers: dict[str, str], shape: str) -> None:
    """A 404 speaks the dialect that path and headers suggest."""
    verdict = _decide(path, b"", "GET", **headers)
    assert (verdict.reply.status, shape in _error(verdict)) == (404, True)


def test_another_method_is_not_allowed() -> None:
    """A known path with another method is a 405."""
    assert _decide("/v1/chat/completions", b"", "GET").reply.status == 405


@pytest.mark.parametrize("path", _BODIES)
@pytest.mark.parametrize("body", [b"{", b"[1]", b'"x"'])
def test_a_body_that_is_no_object_is_refused(path: str, body: bytes) -> None:
    """What is not a JSON object gets a 400 in the API's shape."""
    assert _decide(path, body).reply.status == 400


def test_an_unknown_fault_is_refused() -> None:
    """A typing error in a fault is told, with the names there are."""
    verdict = _decide("/v1/chat/completions", _CHAT, x_sandbox_fault="stal")
    assert (verdict.reply.status, _error(verdict)["code"]) == (400, "unknown_fault")
    assert "stall" in _error(verdict)["message"]


@pytest.mark.parametrize(("path", "name"), [("/v1/chat/completions", "x-request-id"), ("/v1/messages", "request-id")])
def test_answers_carry_the_apis_headers(path: str, name: str) -> None:
    """A request id under the API's own name, and headers a gateway must not pass on."""
    names = dict(_decide(path, _BODIES[path]).around)
    assert names[name].startswith("req_")
    assert "set-cookie" in names

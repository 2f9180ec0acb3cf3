"""From method and path to an operation, by the path as it was sent."""

from __future__ import annotations

import pytest

from aigw import operations
from aigw.adapter import Operation
from aigw.errors import MethodNotAllowed, NotFound
from aigw.front.routes import DOCUMENTED, Intake, ModelsRoute, Route, format_of, route, shown


@pytest.mark.parametrize(
    ("method", "path", "operation", "intake"),
    [
        ("POST", "/v1/chat/completions", operations.CHAT, Intake.JSON),
        ("POST", "/v1/responses", operations.RESPONSES, Intake.JSON),
        ("POST", "/v1/messages", operations.MESSAGES, Intake.JSON),
        ("POST", "/v1/messages/count_tokens", operations.COUNT_TOKENS, Intake.JSON),
        ("POST", "/v1/completions", operations.COMPLETIONS, Intake.JSON),
        ("POST", "/v1/embeddings", operations.EMBEDDINGS, Intake.JSON),
        ("POST", "/v1/moderations", operations.MODERATIONS, Intake.JSON),
        ("POST", "/v1/rerank", operations.RERANK, Intake.JSON),
        ("POST", "/v1/images/generations", operations.IMAGES_GENERATE, Intake.JSON),
        ("POST", "/v1/images/edits", operations.IMAGES_EDIT, Intake.FORM),
        ("POST", "/v1/audio/speech", operations.SPEECH, Intake.JSON),
        ("POST", "/v1/audio/transcriptions", operations.TRANSCRIPTIONS, Intake.FORM),
        ("POST", "/v1/audio/translations", operations.TRANSLATIONS, Intake.FORM),
        ("GET", "/v1/realtime", operations.REALTIME, Intake.TUNNEL),
    ],
)
def test_paths_that_are_operations(method: str, path: str, operation: Operation, intake: Intake) -> None:
    """Every surface has its path, and the path says how the body is read."""
    assert route(method, path) == Route(operation, intake)


@pytest.mark.parametrize(
    ("path", "operation", "model"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", operations.GEMINI_GENERATE, "gemini-2.5-flash"),
        ("/v1/models/gemini-2.5-flash:streamGenerateContent", operations.GEMINI_STREAM, "gemini-2.5-flash"),
        ("/v1beta/models/google:gemini-2.5-flash:countTokens", operations.GEMINI_COUNT, "google:gemini-2.5-flash"),
        ("/v1beta/models/a%2Fb%20c:embedContent", operations.GEMINI_EMBED, "a/b c"),
        ("/v1beta/models/a/b:batchEmbedContents", operations.GEMINI_BATCH_EMBED, "a/b"),
    ],
)
def test_geminis_model_stands_in_the_path(path: str, operation: Operation, model: str) -> None:
    """The last colon begins the verb; a prefix before the model is part of its name."""
    assert route("POST", path) == Route(operation, model=model)


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/v1/responses/resp_1", operations.RESPONSE_GET),
        ("DELETE", "/v1/responses/resp_1", operations.RESPONSE_DELETE),
        ("POST", "/v1/responses/resp_1/cancel", operations.RESPONSE_CANCEL),
        ("GET", "/v1/responses/resp_1/input_items", operations.RESPONSE_ITEMS),
    ],
)
def test_stored_responses(method: str, path: str, operation: Operation) -> None:
    """What can be done with a stored response, by its id."""
    assert route(method, path) == Route(operation, Intake.NONE, id="resp_1")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/models", ModelsRoute()),
        ("/v1/models/openai:gpt-4o", ModelsRoute(model="openai:gpt-4o")),
        ("/v1/models/org%2Fdrum", ModelsRoute(model="org/drum")),
        ("/v1beta/models", ModelsRoute(gemini=True)),
        ("/v1beta/models/gemini-2.5-flash", ModelsRoute(gemini=True, model="gemini-2.5-flash")),
    ],
)
def test_models_lists(method: str, path: str, found: ModelsRoute) -> None:
    """The lists and their entries, which the gateway answers by itself."""
    assert route(method, path) == found


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "*", "/v1", "/v2/chat/completions", "/v1/chat", "/v1/files", "/v1/fine_tuning/jobs"),
        *("//v1/chat/completions", "/v1//chat/completions", "/v1/chat%2fcompletions", "/v1/chat/completions/"),
        *("/v1/x/../chat/completions", "/v1/./chat/completions", "/v1/chat/completions;a=b", "/V1/chat/completions"),
        *("http://other.example/v1/chat/completions", "other.example:443", "/v1/chat/completions#x"),
        *("/v1/responses/", "/v1/responses//cancel", "/v1/responses/x/y", "/v1/responses/x/cancel/"),
        *("/v1/responses/..", "/v1/responses/%2e%2e", "/v1/responses/..%2Fmodels", "/v1/responses/.x"),
        *("/v1/responses/a%20b", "/v1/responses/" + "x" * 300, "/v1/responses/a?b"),
        *("/v1beta", "/v1beta/models/x:nothing", "/v1beta/models/x", "/v1beta/models/:generateContent"),
        *("/v1beta/chat/completions", "/v1beta/tunedModels/x:generateContent"),
    ],
)
def test_paths_that_name_nothing(path: str) -> None:
    """Nothing is decoded or normalised: another spelling of a path is another path, and there is nothing at it."""
    with pytest.raises(NotFound) as caught:
        route("POST", path)
    assert caught.value.http_status == 404
    assert caught.value.error_code == "unknown_route"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("OPTIONS", "/v1/messages", "POST"),
        ("post", "/v1/messages", "POST"),
        ("HEAD", "/v1/realtime", "GET"),
        ("PUT", "/v1/models", "GET, HEAD"),
        ("POST", "/v1/models/x", "GET, HEAD"),
        ("DELETE", "/v1beta/models/x", "GET, HEAD"),
        ("GET", "/v1beta/models/x:generateContent", "POST"),
        ("PATCH", "/v1/responses/x", "GET, DELETE"),
        ("GET", "/v1/responses/x/cancel", "POST"),
        ("POST", "/v1/responses/x/input_items", "GET"),
    ],
)
def test_other_methods(method: str, path: str, allow: str) -> None:
    """A known path says which methods it takes (RFC 9110, section 15.5.6)."""
    with pytest.raises(MethodNotAllowed) as caught:
        route(method, path)
    assert caught.value.headers == (("allow", allow),)


def test_every_documented_route_is_one() -> None:
    """What the documentation lists can be asked for."""
    for method, path in DOCUMENTED:
        assert route(method, path.replace("{id}", "x").replace("{model}", "x"))


@pytest.mark.parametrize(
    ("path", "anthropic", "format"),
    [
        ("/v1/messages", False, "messages"),
        ("/v1/messages/batches", False, "messages"),
        ("/v1beta/models/x:y", False, "gemini"),
        ("/v1beta", True, "gemini"),
        ("/v1/models/x:generateContent", False, "gemini"),
        ("/v1/models/openai:gpt-4o", False, "chat"),
        ("/v1/models/openai:gpt-4o", True, "messages"),
        ("/v1/models", True, "messages"),
        ("/v1/files", True, "messages"),
        ("/v1/responses/x/y", False, "responses"),
        ("/v1/chat/completions", True, "chat"),
        ("/v1/anything", False, "chat"),
        ("", False, "chat"),
    ],
)
def test_the_format_of_errors(path: str, anthropic: bool, format: str) -> None:
    """Whoever asks at a path reads errors of that path's API, also where there is nothing."""
    assert format_of(path, anthropic) == format


def test_a_shown_path_is_bounded_and_printable() -> None:
    """What a message repeats of a path can neither fill a log nor hide in it."""
    assert shown("/a\x1b[31m\xe4" + "x" * 1000) == "/a?[31m?" + "x" * 192

"""What goes out to Azure OpenAI, for each form of its base URL."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import RESPONSES, Operation, Outgoing
from aigw.errors import AttemptFailed
from aigw.providers.azure_openai import PRESET

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

KEY = "api-key: sk-test-0123456789"
HOST = "https://res.openai.azure.com"
DEPLOYMENT = f"{HOST}/openai/deployments/prod?api-version=2024-10-21"
RESOURCE = f"{HOST}/openai?api-version=2024-10-21"
V1 = f"{HOST}/openai/v1"
PROXY = "http://127.0.0.1:9000/az/openai/?team=a&api-version=2024-10-21"


@pytest.mark.parametrize(
    ("base", "operation", "target"),
    [
        (DEPLOYMENT, op.CHAT, "/openai/deployments/prod/chat/completions?api-version=2024-10-21"),
        (DEPLOYMENT, op.EMBEDDINGS, "/openai/deployments/prod/embeddings?api-version=2024-10-21"),
        (DEPLOYMENT, op.RESPONSES, "/openai/v1/responses"),
        (RESOURCE, op.CHAT, "/openai/deployments/gpt-5/chat/completions?api-version=2024-10-21"),
        (RESOURCE, op.EMBEDDINGS, "/openai/deployments/gpt-5/embeddings?api-version=2024-10-21"),
        (RESOURCE, op.RESPONSES, "/openai/v1/responses"),
        (V1, op.CHAT, "/openai/v1/chat/completions"),
        (V1, op.EMBEDDINGS, "/openai/v1/embeddings"),
        (V1, op.RESPONSES, "/openai/v1/responses"),
        (f"{V1}/", op.CHAT, "/openai/v1/chat/completions"),
        (PROXY, op.CHAT, "/az/openai/deployments/gpt-5/chat/completions?team=a&api-version=2024-10-21"),
        (PROXY, op.RESPONSES, "/az/openai/v1/responses"),
        ("http://127.0.0.1:9000/any", op.CHAT, "/any/chat/completions"),
    ],
)
def test_targets(send: Send, base: str, operation: Operation, target: str) -> None:
    """The path comes before the base URL's query; a base without a deployment takes the model's."""
    assert send(attrs.evolve(PRESET, base_url=base), operation, "gpt-5").target == target


def test_head(send: Send, head: Head) -> None:
    """The key goes in api-key."""
    outgoing = send(attrs.evolve(PRESET, base_url=V1), op.CHAT)
    line = "POST /openai/v1/chat/completions HTTP/1.1"
    assert outgoing.prefix == head(line, "host: res.openai.azure.com", KEY)


@pytest.mark.parametrize(
    ("base", "query", "kept"),
    [
        (DEPLOYMENT, "api-version=2023-05-15", "?api-version=2024-10-21"),
        (DEPLOYMENT, "Api-Version=2023-05-15&trace=1", "?api-version=2024-10-21&trace=1"),
        (DEPLOYMENT, "trace=1&&api%2Dversion=x", "?api-version=2024-10-21&trace=1"),
        (V1, "api-version=preview", "?api-version=preview"),
        (V1, "", ""),
    ],
)
def test_query(send: Send, base: str, query: str, kept: str) -> None:
    """The operator's api-version stands once; a caller may name one only where the base URL does not."""
    target = send(attrs.evolve(PRESET, base_url=base), op.CHAT, query=query).target
    assert target.partition("/chat/completions")[2] == kept


def test_callers_version_is_not_for_the_newer_api(send: Send) -> None:
    """Responses of a dated resource go to the API without versions, so a caller's dated one stays behind."""
    provider = attrs.evolve(PRESET, base_url=RESOURCE)
    outgoing = send(provider, op.RESPONSES, query="api-version=2025-03-01-preview")
    assert outgoing.target == "/openai/v1/responses"


def test_stored_responses(send: Send) -> None:
    """A stored response is asked for below the newer API, by its own method."""
    outgoing = send(attrs.evolve(PRESET, base_url=RESOURCE), op.RESPONSE_GET, "", id="resp_1")
    assert outgoing.prefix.startswith(b"GET /openai/v1/responses/resp_1 HTTP/1.1\r\n")


def test_deployment_is_one_segment(send: Send) -> None:
    """A model's name cannot lead out of the deployments, as a path or as a dot segment."""
    provider = attrs.evolve(PRESET, base_url=RESOURCE)
    assert send(provider, op.CHAT, "a/../b?c").target.startswith("/openai/deployments/a%2F..%2Fb%3Fc/chat/")
    for model in ("", ".", ".."):
        with pytest.raises(AttemptFailed) as failed:
            send(provider, op.CHAT, model)
        assert failed.value.reason == "bad_deployment"


def test_surface_override_wins(send: Send) -> None:
    """A URL the operator gave for one surface is taken as it is."""
    provider = attrs.evolve(PRESET, base_url=RESOURCE, surface_urls={RESPONSES: f"{HOST}/openai/v2?api-version=latest"})
    assert send(provider, op.RESPONSES).target == "/openai/v2/responses?api-version=latest"


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent, and the preset says that it needs one."""
    outgoing = send(attrs.evolve(PRESET, base_url=V1), op.CHAT, secret=None)
    assert outgoing.prefix == head("POST /openai/v1/chat/completions HTTP/1.1", "host: res.openai.azure.com")
    assert PRESET.needs_key


def test_foreign_headers(send: Send) -> None:
    """What an Anthropic-shaped caller says to Anthropic stays behind."""
    outgoing = send(attrs.evolve(PRESET, base_url=V1), op.CHAT)
    assert outgoing.drop == {"anthropic-beta", "anthropic-version"}


@pytest.mark.parametrize(
    ("base_url", "order"),
    [
        ("https://r.openai.azure.com/openai/v1", ("responses", "chat-completions")),
        ("https://r.openai.azure.com/openai?api-version=1", ("responses", "chat-completions")),
        ("https://r.openai.azure.com/openai/deployments/d?api-version=1", ("chat-completions", "responses")),
    ],
)
def test_dialect(base_url: str, order: tuple[str, ...]) -> None:
    """The dialect is OpenAI's; Responses come first but where the base URL names a deployment they would not reach."""
    provider = attrs.evolve(PRESET, id="mine", base_url=base_url)
    chat = provider.dialect("chat-completions", "d")
    assert (chat.maker, chat.limit_member, chat.developer) == ("mine", "max_completion_tokens", True)
    assert "top_k" in chat.refused
    assert not provider.dialect("responses", "d").audio
    assert provider.preferred() == order

"""Google's own SDK understands the sandbox."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aigw.sandbox.server import Running

genai = pytest.importorskip("google.genai")

# The SDK subclasses aiohttp's ClientSession, which aiohttp discourages; nothing we could do about it.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

WEATHER: Any = {
    "function_declarations": [
        {"name": "get_weather", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}
    ]
}


@pytest.fixture
async def sdk(sandbox: Running) -> AsyncIterator[Any]:
    """An asynchronous client as an app makes it, without retries."""
    client = genai.Client(api_key="test", http_options={"base_url": sandbox.base_url, "api_version": "v1beta"})
    async with client.aio as used:
        yield used


async def test_content(sdk: Any) -> None:
    """Content, whole and streamed, says the same and ends with the same usage."""
    whole = await sdk.models.generate_content(model="sandbox-small", contents="hello canary")
    assert whole.text == "You said: hello canary"
    stream = await sdk.models.generate_content_stream(model="sandbox-small", contents="hello canary")
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert chunks[-1].usage_metadata == whole.usage_metadata


async def test_thinking(sdk: Any) -> None:
    """Thoughts are parts of their own, and a signature is there."""
    config = {"thinking_config": {"include_thoughts": True}}
    answer = await sdk.models.generate_content(model="sandbox-think", contents="hello canary", config=config)
    thought, text = answer.candidates[0].content.parts
    assert (thought.thought, text.text) == (True, "You said: hello canary")
    assert text.thought_signature.startswith(b"sandbox:")


async def test_tools(sdk: Any) -> None:
    """A streamed function call arrives whole; its response comes back as text."""
    stream = await sdk.models.generate_content_stream(
        model="sandbox-small", contents="use the tool", config={"tools": [WEATHER]}
    )
    call = [chunk async for chunk in stream][-1].function_calls[0]
    assert (call.name, call.args) == ("get_weather", {"city": "use the tool"})
    contents = [
        {"role": "user", "parts": [{"text": "use the tool"}]},
        {"role": "model", "parts": [{"function_call": {"name": call.name, "args": call.args}}]},
        {
            "role": "user",
            "parts": [{"function_response": {"name": call.name, "response": {"output": "12 degrees"}}}],
        },
    ]
    answer = await sdk.models.generate_content(model="sandbox-small", contents=contents)
    assert answer.text == "The tool answered: 12 degrees"


async def test_counting_embedding_and_models(sdk: Any) -> None:
    """Token counting, embeddings and the model list are understood."""
    assert (await sdk.models.count_tokens(model="sandbox-small", contents="hello canary")).total_tokens == 3
    embedded = await sdk.models.embed_content(model="sandbox-embed", contents=["x", "y"])
    assert [len(one.values) for one in embedded.embeddings] == [16, 16]
    assert "models/sandbox-small" in [model.name async for model in await sdk.models.list()]


@pytest.mark.parametrize(("status", "name"), [(400, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED")])
async def test_errors_become_the_sdks_own(sdk: Any, status: int, name: str) -> None:
    """A status is raised as the SDK's exception with Google's name for it."""
    with pytest.raises(genai.errors.APIError) as caught:
        await sdk.models.generate_content(model=f"sandbox-small!status={status}", contents="x")
    assert (caught.value.code, caught.value.status) == (status, name)

"""OpenAI's own SDK understands the sandbox."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aigw.sandbox.server import Running

openai = pytest.importorskip("openai")

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
FLAT: Any = {"type": "function", **WEATHER["function"]}
HELLO: Any = [{"role": "user", "content": "hello canary"}]


@pytest.fixture
async def sdk(sandbox: Running) -> AsyncIterator[Any]:
    """A client as an app makes it, without retries."""
    async with openai.AsyncOpenAI(
        base_url=f"{sandbox.base_url}/v1",
        websocket_base_url=f"ws://127.0.0.1:{sandbox.port}/v1",
        api_key="sk-test",
        max_retries=0,
    ) as client:
        yield client


async def test_chat(sdk: Any) -> None:
    """A chat completion, whole and streamed through the SDK's helper, says the same."""
    whole = await sdk.chat.completions.create(model="sandbox-small", messages=HELLO)
    assert whole.choices[0].message.content == "You said: hello canary"
    options = {"include_usage": True}
    async with sdk.chat.completions.stream(model="sandbox-small", messages=HELLO, stream_options=options) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.content == whole.choices[0].message.content
    assert final.choices[0].finish_reason == "stop"
    assert final.usage == whole.usage


async def test_chat_tools(sdk: Any) -> None:
    """The SDK collects a streamed tool call whole; its result comes back as text."""
    messages: list[Any] = [{"role": "user", "content": "use the tool"}]
    async with sdk.chat.completions.stream(model="sandbox-small", messages=messages, tools=[WEATHER]) as stream:
        message = (await stream.get_final_completion()).choices[0].message
    call = message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"use the tool"}')
    messages += [message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"}]
    answer = await sdk.chat.completions.create(model="sandbox-small", messages=messages, tools=[WEATHER])
    assert answer.choices[0].message.content == "The tool answered: 12 degrees"


async def test_responses(sdk: Any) -> None:
    """A response, whole and streamed, says the same and can be retrieved and deleted."""
    whole = await sdk.responses.create(model="sandbox-small", input="hello canary")
    assert whole.output_text == "You said: hello canary"
    async with sdk.responses.stream(model="sandbox-small", input="hello canary") as stream:
        final = await stream.get_final_response()
    assert (final.output_text, final.usage) == (whole.output_text, whole.usage)
    assert (await sdk.responses.retrieve(whole.id)).output_text == whole.output_text
    items = [item async for item in sdk.responses.input_items.list(whole.id)]
    assert items[0].content[0].text == "hello canary"
    await sdk.responses.delete(whole.id)
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.retrieve(whole.id)


async def test_responses_tools(sdk: Any) -> None:
    """A function call comes as an item, its output is quoted in the next response."""
    async with sdk.responses.stream(model="sandbox-small", input="use the tool", tools=[FLAT]) as stream:
        first = await stream.get_final_response()
    call = first.output[0]
    assert (call.name, call.arguments) == ("get_weather", '{"city":"use the tool"}')
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "12 degrees"}
    answer = await sdk.responses.create(model="sandbox-small", input=[output], previous_response_id=first.id)
    assert answer.output_text == "The tool answered: 12 degrees"


async def test_the_smaller_surfaces(sdk: Any) -> None:
    """Completions, embeddings, moderations, images, speech, transcription and models are understood."""
    completion = await sdk.completions.create(model="sandbox-small", prompt="canary")
    assert completion.choices[0].text == "You said: canary"
    embedding = await sdk.embeddings.create(model="sandbox-embed", input="canary")
    assert len(embedding.data[0].embedding) == 16
    moderation = await sdk.moderations.create(input="violence")
    assert moderation.results[0].categories.violence
    image = await sdk.images.generate(model="sandbox-image", prompt="a cat")
    assert image.data[0].b64_json
    speech = await sdk.audio.speech.create(model="sandbox-audio", input="canary", voice="alloy")
    assert b"canary" in await speech.aread()
    heard = await sdk.audio.transcriptions.create(model="sandbox-audio", file=("a.wav", b"RIFF"))
    assert heard.text == "You said: a.wav, 4 bytes."
    assert "sandbox-small" in [model.id async for model in sdk.models.list()]


async def test_realtime(sdk: Any) -> None:
    """The SDK's realtime connection sees the session and a response's text."""
    pytest.importorskip("websockets")
    async with sdk.realtime.connect(model="sandbox-small") as connection:
        content = [{"type": "input_text", "text": "canary"}]
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await connection.response.create()
        text = ""
        async for event in connection:
            text += event.delta if event.type == "response.output_text.delta" else ""
            if event.type == "response.done":
                break
    assert text == "You said: canary"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, "AuthenticationError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (503, "InternalServerError"),
    ],
)
async def test_errors_become_the_sdks_own(sdk: Any, status: int, error: str) -> None:
    """A status is raised as the SDK's exception for it, with the request's id."""
    with pytest.raises(getattr(openai, error)) as caught:
        await sdk.chat.completions.create(model=f"sandbox-small!status={status}", messages=HELLO)
    assert caught.value.request_id.startswith("req_")


async def test_an_error_inside_a_stream_is_raised(sdk: Any) -> None:
    """The error event of a chat stream stops the SDK's iteration with an exception."""
    stream = await sdk.chat.completions.create(model="sandbox-small!error-mid", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match="The server had an error"):
        _ = [chunk async for chunk in stream]


async def test_a_cut_stream_is_raised(sdk: Any) -> None:
    """A body without its last chunk stops the SDK's iteration with an exception."""
    stream = await sdk.chat.completions.create(model="sandbox-small!cut", messages=HELLO, stream=True)
    with pytest.raises(openai.APIConnectionError):
        _ = [chunk async for chunk in stream]

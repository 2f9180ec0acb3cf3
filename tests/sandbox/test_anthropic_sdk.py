"""Anthropic's own SDK understands the sandbox."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aigw.sandbox.server import Running

anthropic = pytest.importorskip("anthropic")

WEATHER: Any = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
HELLO: Any = [{"role": "user", "content": "hello canary"}]
THINKING: Any = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture
async def sdk(sandbox: Running) -> AsyncIterator[Any]:
    """A client as an app makes it, without retries."""
    async with anthropic.AsyncAnthropic(base_url=sandbox.base_url, api_key="sk-test", max_retries=0) as client:
        yield client


async def test_messages(sdk: Any) -> None:
    """A message, whole and streamed through the SDK's helper, says the same."""
    whole = await sdk.messages.create(model="sandbox-small", max_tokens=99, messages=HELLO)
    assert whole.content[0].text == "You said: hello canary"
    async with sdk.messages.stream(model="sandbox-small", max_tokens=99, messages=HELLO) as stream:
        final = await stream.get_final_message()
    assert (final.content[0].text, final.stop_reason) == (whole.content[0].text, "end_turn")
    assert final.usage.output_tokens == whole.usage.output_tokens


async def test_thinking(sdk: Any) -> None:
    """A streamed thinking block arrives whole, with its signature."""
    async with sdk.messages.stream(model="sandbox-think", max_tokens=2048, messages=HELLO, thinking=THINKING) as stream:
        thinking, text = (await stream.get_final_message()).content
    assert thinking.thinking == "The user said: hello canary I will answer."
    assert thinking.signature
    assert text.text == "You said: hello canary"


async def test_tools(sdk: Any) -> None:
    """The SDK collects a streamed tool use whole; its result comes back as text."""
    messages: list[Any] = [{"role": "user", "content": "use the tool"}]
    asked = {"model": "sandbox-small", "max_tokens": 99, "tools": [WEATHER]}
    async with sdk.messages.stream(messages=messages, **asked) as stream:
        message = await stream.get_final_message()
    used = message.content[0]
    assert (message.stop_reason, used.name, used.input) == (
        "tool_use",
        "get_weather",
        {"city": "use the tool"},
    )
    result = {"type": "tool_result", "tool_use_id": used.id, "content": "12 degrees"}
    messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    answer = await sdk.messages.create(messages=messages, **asked)
    assert answer.content[0].text == "The tool answered: 12 degrees"


async def test_counting_and_models(sdk: Any) -> None:
    """Token counting and the model list are understood."""
    counted = await sdk.messages.count_tokens(model="sandbox-small", messages=HELLO)
    assert counted.input_tokens == 3
    assert "sandbox-small" in [model.id async for model in sdk.models.list()]


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "authentication_error"), (429, "rate_limit_error"), (529, "overloaded_error")]
)
async def test_errors_become_the_sdks_own(sdk: Any, status: int, kind: str) -> None:
    """A status is raised as the SDK's exception, with the API's kind of error and the request's id."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        await sdk.messages.create(model=f"sandbox-small!status={status}", max_tokens=9, messages=HELLO)
    assert (caught.value.status_code, caught.value.body["error"]["type"]) == (status, kind)
    assert caught.value.request_id.startswith("req_")


async def test_an_error_inside_a_stream_is_raised(sdk: Any) -> None:
    """The error event of a Messages stream stops the SDK's iteration with an exception."""
    asked = {"model": "sandbox-small!error-mid", "max_tokens": 99, "messages": HELLO}
    stream = await sdk.messages.create(stream=True, **asked)
    with pytest.raises(anthropic.APIStatusError, match="The server had an error"):
        _ = [event async for event in stream]

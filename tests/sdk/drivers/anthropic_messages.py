"""The Messages API through the `anthropic` SDK, old and new majors alike."""

import json
from typing import Any

import anthropic
from pydantic import BaseModel

SMALL = "sandbox-small"
THINK = "sandbox-think"
QUESTION = [{"role": "user", "content": "hello there my friend"}]
LINK = "https://example.com/pixel.png"
ENDS = {"end_turn": "end", "tool_use": "tool", "max_tokens": "limit"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "get_weather", "description": "Weather", "input_schema": SCHEMA}
CLOCK = {"name": "get_time", "description": "Time", "input_schema": {"type": "object", "properties": {}}}
THINKING = {
    "max_tokens": 3000,
    "tools": [WEATHER],
    "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized"},
}


class Answer(BaseModel):
    """What a structured answer holds."""

    summary: str
    score: int


def open_client(base_url: str, access_key: str) -> Any:
    """The SDK as an app would set it up."""
    return anthropic.AsyncAnthropic(base_url=base_url, api_key=access_key, max_retries=2, timeout=20)


def _faulty(faults: str) -> str:
    return f"{SMALL if ':' in SMALL else f'sandbox:{SMALL}'}!{faults}"


def _said(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def _calls(message: Any) -> list[list[str]]:
    made = [block for block in message.content if block.type == "tool_use"]
    return sorted([block.name, json.dumps(block.input, separators=(",", ":"))] for block in made)


def _facts(message: Any) -> dict[str, Any]:
    used = [message.usage.input_tokens, message.usage.output_tokens]
    return {"said": _said(message), "ended": ENDS[message.stop_reason], "used": used}


def _answered(message: Any, *results: str) -> list[Any]:
    """A message with the results of its calls behind it."""
    said = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in message.content]
    calls = zip((block.id for block in message.content if block.type == "tool_use"), results, strict=True)
    told = [{"type": "tool_result", "tool_use_id": ident, "content": result} for ident, result in calls]
    return [{"role": "assistant", "content": said}, {"role": "user", "content": told}]


async def _ask(client: Any, model: str = "", **more: Any) -> Any:
    return await client.messages.create(**{"model": model or SMALL, "max_tokens": 200, "messages": QUESTION} | more)


async def text(client: Any) -> Any:
    """A plain answer."""
    return _facts(await _ask(client))


async def stream(client: Any) -> Any:
    """A streamed answer."""
    return await _streamed(client, SMALL)


async def _streamed(client: Any, model: str) -> Any:
    async with client.messages.stream(model=model, max_tokens=200, messages=QUESTION) as events:
        pieces = [piece async for piece in events.text_stream]
        message = await events.get_final_message()
    assert _said(message) == "".join(pieces)
    return {**_facts(message), "streamed": len(pieces) > 1}


async def slow(client: Any) -> Any:
    """The same from a provider whose events come one by one."""
    return await _streamed(client, _faulty("delay=2"))


async def tool(client: Any) -> Any:
    """One tool is called."""
    question = [{"role": "user", "content": "use the tool get_weather"}]
    message = await _ask(client, messages=question, tools=[WEATHER, CLOCK])
    return {"calls": _calls(message), "ended": ENDS[message.stop_reason]}


async def parallel(client: Any) -> Any:
    """Two tools are called at once, streamed, and both results go back."""
    messages: list[Any] = [{"role": "user", "content": "use both tools in parallel"}]
    asked: dict[str, Any] = {"model": SMALL, "max_tokens": 200, "tools": [WEATHER, CLOCK]}
    async with client.messages.stream(messages=messages, **asked) as events:
        message = await events.get_final_message()
    messages += _answered(message, "sunny", "noon")
    async with client.messages.stream(messages=messages, **asked) as events:
        second = await events.get_final_message()
    return {"calls": _calls(message), "ended": ENDS[message.stop_reason], "said": _said(second)}


async def loop(client: Any) -> Any:
    """A tool's result goes back, and the answer uses it."""
    messages: list[Any] = [{"role": "user", "content": "use the tool"}]
    messages += _answered(await _ask(client, messages=messages, tools=[WEATHER]), "sunny")
    second = await _ask(client, messages=messages, tools=[WEATHER])
    return {"said": _said(second), "ended": ENDS[second.stop_reason]}


async def thinking(client: Any) -> Any:
    """What was thought before a call goes back with its result."""
    messages: list[Any] = [{"role": "user", "content": "use the tool"}]
    first = await client.messages.create(messages=messages, model=THINK, **THINKING)
    messages += _answered(first, "sunny")
    second = await client.messages.create(messages=messages, model=THINK, **THINKING)
    return {**_thought(first), "said": _said(second)}


async def thinking_stream(client: Any) -> Any:
    """The same, streamed."""
    messages: list[Any] = [{"role": "user", "content": "use the tool"}]
    async with client.messages.stream(messages=messages, model=THINK, **THINKING) as events:
        first = await events.get_final_message()
    messages += _answered(first, "sunny")
    async with client.messages.stream(messages=messages, model=THINK, **THINKING) as events:
        second = await events.get_final_message()
    return {**_thought(first), "said": _said(second)}


def _thought(message: Any) -> dict[str, Any]:
    """The thought, and whether anything is signed."""
    thought = "".join(block.thinking for block in message.content if block.type == "thinking")
    signed = any(getattr(block, "signature", None) or getattr(block, "data", None) for block in message.content)
    return {"thought": thought, "signed": signed}


async def structured(client: Any) -> Any:
    """The answer fits a schema."""
    message = await client.messages.parse(model=SMALL, max_tokens=200, messages=QUESTION, output_format=Answer)
    return message.parsed_output.model_dump()


async def image(client: Any) -> Any:
    """An image goes in."""
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "what is it"}]
    return {"said": _said(await _ask(client, messages=[{"role": "user", "content": content}]))}


async def image_link(client: Any) -> Any:
    """An image is named by its URL."""
    content = [{"type": "image", "source": {"type": "url", "url": LINK}}, {"type": "text", "text": "what is it"}]
    return {"said": _said(await _ask(client, messages=[{"role": "user", "content": content}]))}


async def unwilling(client: Any) -> Any:
    """The model refuses."""
    message = await _ask(client, _faulty("refusal"))
    return {"refused": message.stop_reason == "refusal"}


async def limited(client: Any) -> Any:
    """The limit of tokens ends the answer."""
    message = await _ask(client, max_tokens=2)
    return {"said": _said(message), "ended": ENDS[message.stop_reason]}


async def cached(client: Any) -> Any:
    """Tokens from the cache are told beside those that went in."""
    model = _faulty("input-tokens=100,cached=60,output-tokens=7")
    async with client.messages.stream(model=model, max_tokens=200, messages=QUESTION) as events:
        used = [(await _ask(client, model)).usage, (await events.get_final_message()).usage]
    return [
        [each.input_tokens + each.cache_read_input_tokens, each.output_tokens, each.cache_read_input_tokens]
        for each in used
    ]


async def count(client: Any) -> Any:
    """Tokens are counted without a message."""
    counted = await client.messages.count_tokens(model=SMALL, messages=QUESTION)
    return {"counted": counted.input_tokens}


async def models(client: Any) -> Any:
    """The models this key may call in this format, and one of them."""
    listed = [model.id async for model in client.models.list()]
    one = await client.models.retrieve(SMALL)
    return {"listed": SMALL in listed, "one": one.id}


async def headers(client: Any) -> Any:
    """Who answered, and after how many attempts, stands in the headers."""
    raw = await client.messages.with_raw_response.create(
        model=_faulty("status=529"), max_tokens=200, messages=QUESTION, extra_body={"models": [SMALL]}
    )
    # The old major parses at once, the new one in a coroutine.
    parsed = raw.parse()
    message = await parsed if hasattr(parsed, "__await__") else parsed
    named = {name: raw.headers[f"x-aigw-{name}"] for name in ("provider", "model", "attempts")}
    return {"said": _said(message), **named, "id": raw.headers["request-id"].startswith("req_")}


async def bad_key(client: Any) -> Any:
    """An unknown access key."""
    try:
        await _ask(client.with_options(api_key="aigw-nobody-knows-this-key"))
    except anthropic.AuthenticationError as error:
        return {"raised": "AuthenticationError", "status": error.status_code, "code": _code(error)}
    return None


async def unknown_model(client: Any) -> Any:
    """A model nobody knows."""
    try:
        await _ask(client, "no-such-model")
    except anthropic.NotFoundError as error:
        return {"raised": "NotFoundError", "status": error.status_code, "code": _code(error)}
    return None


def _code(error: Any) -> str:
    code: str = _body(error)["details"]["error_code"]
    return code


def _body(error: Any) -> Any:
    return error.body["error"]


async def rate_limited(client: Any) -> Any:
    """A rate limit that stays is retried by the SDK at the pace the upstream asked for, then raised."""
    try:
        await _ask(client, _faulty("status=429,retry-after-ms=20"))
    except anthropic.RateLimitError as error:
        return _retried(error, "RateLimitError")
    return None


async def overloaded(client: Any) -> Any:
    """An overload that stays is retried by the SDK, then raised; 529 is this API's own status for it."""
    try:
        await _ask(client, _faulty("status=529,retry-after-ms=20"))
    except anthropic.APIStatusError as error:
        # `OverloadedError` in the new major, `InternalServerError` in the old one.
        return _retried(error, "APIStatusError") | {"type": _body(error)["type"]}
    return None


def _retried(error: Any, kind: str) -> dict[str, Any]:
    return {
        "raised": kind,
        "status": error.status_code,
        "retries": int(error.response.request.headers["x-stainless-retry-count"]),
        "hint": error.response.headers.get("retry-after-ms"),
    }


async def refused(client: Any) -> Any:
    """The upstream's own refusal of a request keeps its status and message."""
    try:
        await _ask(client, messages=[])
    except anthropic.BadRequestError as error:
        return {"raised": "BadRequestError", "status": error.status_code, "says": "messages" in str(error)}
    return None


async def broken(client: Any) -> Any:
    """A stream that stops midway raises."""
    pieces = 0
    try:
        async for event in await _ask(client, _faulty("cut-events=3c"), stream=True):
            pieces += event.type == "content_block_delta"
    except anthropic.APIStatusError as error:
        return {"raised": True, "pieces": pieces, "told": "stopped midway" in str(error)}
    return {"raised": False, "pieces": pieces}


async def broken_event(client: Any) -> Any:
    """A stream that stops within an event raises too."""
    try:
        async for _ in await _ask(client, _faulty("cut-bytes=1100"), stream=True):
            pass
    except Exception as error:
        return {"raised": type(error).__module__.partition(".")[0] in ("anthropic", "httpx", "httpx2", "httpcore2")}
    return {"raised": False}

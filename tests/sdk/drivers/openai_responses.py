"""The Responses API through the `openai` SDK, old and new majors alike."""

import json
from typing import Any

import openai
from pydantic import BaseModel

SMALL = "sandbox-small"
THINK = "sandbox-think"
QUESTION = "hello there my friend"
LINK = "https://example.com/pixel.png"
PIXEL = "data:image/png;base64,iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}
CLOCK = {
    "type": "function",
    "name": "get_time",
    "parameters": {"type": "object", "properties": {}},
    "strict": False,
}

THINKING = {
    "tools": [WEATHER],
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "store": False,
}


class Answer(BaseModel):
    """What a structured answer holds."""

    summary: str
    score: int


def open_client(base_url: str, access_key: str) -> Any:
    """The SDK as an app would set it up."""
    return openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key=access_key, max_retries=2, timeout=20)


def _faulty(faults: str) -> str:
    return f"{SMALL if ':' in SMALL else f'sandbox:{SMALL}'}!{faults}"


def _ended(response: Any) -> str:
    called = any(item.type == "function_call" for item in response.output)
    return {"completed": "tool" if called else "end", "incomplete": "limit"}[response.status]


def _calls(response: Any) -> list[list[str]]:
    """Names, and arguments with the spaces that some have taken out."""
    made = (item for item in response.output if item.type == "function_call")
    return sorted([item.name, json.dumps(json.loads(item.arguments), separators=(",", ":"))] for item in made)


def _answered(response: Any, *results: str) -> list[Any]:
    """What was said, with the results of its calls behind it."""
    # What the SDK's own parsing added is no part of it.
    said = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in response.output]
    calls = [item.call_id for item in response.output if item.type == "function_call"]
    pairs = zip(calls, results, strict=True)
    return [*said, *({"type": "function_call_output", "call_id": call, "output": result} for call, result in pairs)]


def _used(response: Any) -> list[int]:
    return [response.usage.input_tokens, response.usage.output_tokens]


async def text(client: Any) -> Any:
    """A plain answer."""
    answer = await client.responses.create(model=SMALL, input=QUESTION)
    return {"said": answer.output_text, "ended": _ended(answer), "used": _used(answer)}


async def stream(client: Any) -> Any:
    """A streamed answer, its pieces and its last event alike."""
    return await _streamed(client, SMALL)


async def _streamed(client: Any, model: str) -> Any:
    pieces, whole = [], None
    async for event in await client.responses.create(model=model, input=QUESTION, stream=True):
        if event.type == "response.output_text.delta":
            pieces.append(event.delta)
        elif event.type == "response.completed":
            whole = event.response
    assert whole is not None
    assert whole.output_text == "".join(pieces)
    return {"said": whole.output_text, "streamed": len(pieces) > 1, "ended": _ended(whole), "used": _used(whole)}


async def slow(client: Any) -> Any:
    """The same from a provider whose events come one by one."""
    return await _streamed(client, _faulty("delay=2"))


async def tool(client: Any) -> Any:
    """One tool is called."""
    answer = await client.responses.create(model=SMALL, input="use the tool get_weather", tools=[WEATHER, CLOCK])
    return {"calls": _calls(answer), "ended": _ended(answer)}


async def parallel(client: Any) -> Any:
    """Two tools are called at once, streamed, and both results go back."""
    items: list[Any] = [{"role": "user", "content": "use both tools in parallel"}]
    async with client.responses.stream(model=SMALL, input=items, tools=[WEATHER, CLOCK]) as events:
        answer = await events.get_final_response()
    items += _answered(answer, "sunny", "noon")
    async with client.responses.stream(model=SMALL, input=items, tools=[WEATHER, CLOCK]) as events:
        second = await events.get_final_response()
    return {"calls": _calls(answer), "ended": _ended(answer), "said": second.output_text}


async def loop(client: Any) -> Any:
    """A tool's result goes back, and the answer uses it."""
    items: list[Any] = [{"role": "user", "content": "use the tool"}]
    first = await client.responses.create(model=SMALL, input=items, tools=[WEATHER])
    items += _answered(first, "sunny")
    second = await client.responses.create(model=SMALL, input=items, tools=[WEATHER])
    return {"said": second.output_text, "ended": _ended(second)}


async def thinking(client: Any) -> Any:
    """What was thought before a call goes back with its result."""
    items: list[Any] = [{"role": "user", "content": "use the tool"}]
    first = await client.responses.create(model=THINK, input=items, **THINKING)
    items += _answered(first, "sunny")
    second = await client.responses.create(model=THINK, input=items, **THINKING)
    return {**_thought(first), "said": second.output_text}


async def thinking_stream(client: Any) -> Any:
    """The same, streamed."""
    items: list[Any] = [{"role": "user", "content": "use the tool"}]
    async with client.responses.stream(model=THINK, input=items, **THINKING) as events:
        first = await events.get_final_response()
    items += _answered(first, "sunny")
    async with client.responses.stream(model=THINK, input=items, **THINKING) as events:
        second = await events.get_final_response()
    return {**_thought(first), "said": second.output_text}


def _thought(response: Any) -> dict[str, Any]:
    """The thought, and whether anything is sealed."""
    items = [item for item in response.output if item.type == "reasoning"]
    thought = "".join(part.text for item in items for part in item.summary)
    return {"thought": thought, "signed": any(item.encrypted_content for item in items)}


async def structured(client: Any) -> Any:
    """The answer fits a schema."""
    answer = await client.responses.parse(model=SMALL, input=QUESTION, text_format=Answer)
    return answer.output_parsed.model_dump()


async def image(client: Any) -> Any:
    """An image goes in."""
    content = [
        {"type": "input_text", "text": "what is it"},
        {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
    ]
    answer = await client.responses.create(model=SMALL, input=[{"role": "user", "content": content}])
    return {"said": answer.output_text}


async def image_link(client: Any) -> Any:
    """An image is named by its URL."""
    content = [
        {"type": "input_text", "text": "what is it"},
        {"type": "input_image", "image_url": LINK, "detail": "auto"},
    ]
    answer = await client.responses.create(model=SMALL, input=[{"role": "user", "content": content}])
    return {"said": answer.output_text}


async def unwilling(client: Any) -> Any:
    """The model refuses."""
    answer = await client.responses.create(model=_faulty("refusal"), input=QUESTION)
    kinds = [part.type for item in answer.output if item.type == "message" for part in item.content]
    filtered = answer.incomplete_details and answer.incomplete_details.reason == "content_filter"
    return {"refused": bool("refusal" in kinds or filtered)}


async def limited(client: Any) -> Any:
    """The limit of tokens ends the answer."""
    answer = await client.responses.create(model=SMALL, input=QUESTION, max_output_tokens=2)
    return {"said": answer.output_text, "ended": _ended(answer)}


async def cached(client: Any) -> Any:
    """Tokens from the cache are told among those that went in."""
    model = _faulty("input-tokens=100,cached=60,output-tokens=7")
    answer = await client.responses.create(model=model, input=QUESTION)
    async with client.responses.stream(model=model, input=QUESTION) as events:
        streamed = await events.get_final_response()
    return [[*_used(each), each.usage.input_tokens_details.cached_tokens] for each in (answer, streamed)]


async def stored(client: Any) -> Any:
    """A stored response is read again, its input listed, and deleted; then it is gone."""
    made = await client.responses.create(model=SMALL, input=QUESTION)
    again = await client.responses.retrieve(made.id)
    items = [item async for item in client.responses.input_items.list(made.id)]
    await client.responses.delete(made.id)
    gone = False
    try:
        await client.responses.retrieve(made.id)
    except openai.NotFoundError:
        gone = True
    return {"same": again.id == made.id, "said": again.output_text, "items": len(items), "gone": gone}


async def bad_key(client: Any) -> Any:
    """An unknown access key."""
    try:
        await client.with_options(api_key="aigw-nobody-knows-this-key").responses.create(model=SMALL, input=QUESTION)
    except openai.AuthenticationError as error:
        return {"raised": "AuthenticationError", "status": error.status_code, "code": error.code}
    return None


async def unknown_model(client: Any) -> Any:
    """A model nobody knows."""
    try:
        await client.responses.create(model="no-such-model", input=QUESTION)
    except openai.NotFoundError as error:
        return {"raised": "NotFoundError", "status": error.status_code, "code": error.code}
    return None


async def rate_limited(client: Any) -> Any:
    """A rate limit that stays is retried by the SDK at the pace the upstream asked for, then raised."""
    try:
        await client.responses.create(model=_faulty("status=429,retry-after-ms=20"), input=QUESTION)
    except openai.RateLimitError as error:
        return _retried(error, "RateLimitError")
    return None


async def overloaded(client: Any) -> Any:
    """An overload that stays is retried by the SDK, then raised."""
    try:
        await client.responses.create(model=_faulty("status=503,retry-after-ms=20"), input=QUESTION)
    except openai.InternalServerError as error:
        return _retried(error, "InternalServerError")
    return None


def _retried(error: Any, kind: str) -> Any:
    return {
        "raised": kind,
        "status": error.status_code,
        "retries": int(error.response.request.headers["x-stainless-retry-count"]),
        "hint": error.response.headers.get("retry-after-ms"),
    }


async def broken(client: Any) -> Any:
    """A stream that stops midway raises: a typed error event alone would not make the SDK do so."""
    pieces, told = 0, False
    try:
        async for event in await client.responses.create(model=_faulty("cut-events=3c"), input=QUESTION, stream=True):
            pieces += event.type == "response.output_text.delta"
            told = told or (event.type == "error" and "stopped midway" in event.message)
    except Exception as error:
        family = type(error).__module__.partition(".")[0]
        return {"raised": family in ("openai", "httpx", "httpx2"), "pieces": pieces, "told": told}
    return {"raised": False, "pieces": pieces, "told": told}

"""Chat Completions and the other classic surfaces through the `openai` SDK, old and new majors alike."""

import json
from typing import Any

import openai
from pydantic import BaseModel

SMALL = "sandbox-small"
THINK = "sandbox-think"
QUESTION = [{"role": "user", "content": "hello there my friend"}]
ENDS = {"stop": "end", "tool_calls": "tool", "length": "limit"}
USAGE = {"include_usage": True}
LINK = "https://example.com/pixel.png"
PIXEL = "data:image/png;base64,iVBORw0KGgo="
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}


class Answer(BaseModel):
    """What a structured answer holds."""

    summary: str
    score: int


def open_client(base_url: str, access_key: str) -> Any:
    """The SDK as an app would set it up."""
    return openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key=access_key, max_retries=2, timeout=20)


def _faulty(faults: str) -> str:
    return f"{SMALL if ':' in SMALL else f'sandbox:{SMALL}'}!{faults}"


def _used(usage: Any) -> list[int]:
    return [usage.prompt_tokens, usage.completion_tokens]


async def _heard(stream: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a stream says: text in pieces, its end, its usage; and the message it adds up to."""
    pieces: list[str] = []
    message: dict[str, Any] = {"role": "assistant", "content": None}
    calls: dict[int, Any] = {}
    ended = used = None
    async for chunk in stream:
        used = _used(chunk.usage) if chunk.usage else used
        for choice in chunk.choices:
            pieces += [choice.delta.content] if choice.delta.content else []
            ended = choice.finish_reason or ended
            _think(choice.delta, message)
            for part in choice.delta.tool_calls or []:
                _call(part, calls)
    if calls:
        message["tool_calls"] = list(calls.values())
    return {"said": "".join(pieces), "streamed": len(pieces) > 1, "ended": ENDS[ended or ""], "used": used}, message


def _call(part: Any, calls: dict[int, Any]) -> None:
    """A piece of a call, added to what came of it."""
    call = calls.setdefault(part.index, {"type": "function", "function": {"name": "", "arguments": ""}})
    call |= {"id": part.id} if part.id else {}
    call["function"]["name"] += part.function.name or ""
    call["function"]["arguments"] += part.function.arguments or ""
    call |= {"extra_content": part.extra_content} if getattr(part, "extra_content", None) else {}


def _think(delta: Any, message: dict[str, Any]) -> None:
    """A piece of thinking, in the members that providers added to the API."""
    for name in ("reasoning_content", "reasoning"):
        if getattr(delta, name, None):
            message[name] = message.get(name, "") + getattr(delta, name)
    if getattr(delta, "reasoning_details", None):
        message["reasoning_details"] = message.get("reasoning_details", []) + delta.reasoning_details


def _made(message: dict[str, Any]) -> list[list[str]]:
    """The calls of a message: names, and arguments with the spaces that some have taken out."""
    made = (call["function"] for call in message.get("tool_calls", ()))
    return sorted([call["name"], json.dumps(json.loads(call["arguments"]), separators=(",", ":"))] for call in made)


def _answered(message: dict[str, Any], *results: str) -> list[dict[str, Any]]:
    """A message with the results of its calls behind it."""
    calls = zip(message["tool_calls"], results, strict=True)
    return [message, *({"role": "tool", "tool_call_id": call["id"], "content": said} for call, said in calls)]


async def text(client: Any) -> Any:
    """A plain answer."""
    answer = await client.chat.completions.create(model=SMALL, messages=QUESTION)
    choice = answer.choices[0]
    return {"said": choice.message.content, "ended": ENDS[choice.finish_reason], "used": _used(answer.usage)}


async def stream(client: Any) -> Any:
    """A streamed answer."""
    return await _streamed(client, SMALL)


async def _streamed(client: Any, model: str) -> Any:
    asked = {"model": model, "messages": QUESTION, "stream": True, "stream_options": USAGE}
    facts, _ = await _heard(await client.chat.completions.create(**asked))
    return facts


async def slow(client: Any) -> Any:
    """The same from a provider whose events come one by one."""
    return await _streamed(client, _faulty("delay=2"))


async def tool(client: Any) -> Any:
    """One tool is called."""
    question = [{"role": "user", "content": "use the tool get_weather"}]
    answer = await client.chat.completions.create(model=SMALL, messages=question, tools=[WEATHER, CLOCK])
    choice = answer.choices[0]
    return {"calls": _made(choice.message.model_dump(exclude_none=True)), "ended": ENDS[choice.finish_reason]}


async def parallel(client: Any) -> Any:
    """Two tools are called at once, streamed, and both results go back."""
    asked: dict[str, Any] = {"model": SMALL, "tools": [WEATHER, CLOCK], "stream": True}
    messages: list[Any] = [{"role": "user", "content": "use both tools in parallel"}]
    facts, message = await _heard(await client.chat.completions.create(messages=messages, **asked))
    messages += _answered(message, "sunny", "noon")
    second, _ = await _heard(await client.chat.completions.create(messages=messages, **asked))
    return {"calls": _made(message), "ended": facts["ended"], "said": second["said"]}


async def loop(client: Any) -> Any:
    """A tool's result goes back, and the answer uses it."""
    messages: list[Any] = [{"role": "user", "content": "use the tool"}]
    first = await client.chat.completions.create(model=SMALL, messages=messages, tools=[WEATHER])
    messages += _answered(first.choices[0].message.model_dump(exclude_none=True), "sunny")
    second = await client.chat.completions.create(model=SMALL, messages=messages, tools=[WEATHER])
    return {"said": second.choices[0].message.content, "ended": ENDS[second.choices[0].finish_reason]}


async def thinking(client: Any) -> Any:
    """What was thought before a call goes back with its result."""
    messages: list[Any] = [{"role": "user", "content": "use the tool"}]
    asked: dict[str, Any] = {"model": THINK, "tools": [WEATHER], "reasoning_effort": "low"}
    first = await client.chat.completions.create(messages=messages, **asked)
    message = first.choices[0].message.model_dump(exclude_none=True)
    messages += _answered(message, "sunny")
    second = await client.chat.completions.create(messages=messages, **asked)
    return {**_thought(message), "said": second.choices[0].message.content}


async def thinking_stream(client: Any) -> Any:
    """The same, streamed."""
    messages: list[Any] = [{"role": "user", "content": "use the tool"}]
    asked: dict[str, Any] = {"model": THINK, "tools": [WEATHER], "reasoning_effort": "low", "stream": True}
    _, message = await _heard(await client.chat.completions.create(messages=messages, **asked))
    messages += _answered(message, "sunny")
    facts, _ = await _heard(await client.chat.completions.create(messages=messages, **asked))
    return {**_thought(message), "said": facts["said"]}


def _thought(message: dict[str, Any]) -> dict[str, Any]:
    """The thought, and whether anything is signed."""
    beside = any("extra_content" in call for call in message["tool_calls"])
    signed = beside or any("signature" in each or "data" in each for each in message.get("reasoning_details", ()))
    return {"thought": message.get("reasoning_content") or message.get("reasoning") or "", "signed": signed}


async def structured(client: Any) -> Any:
    """The answer fits a schema."""
    parsed = await client.chat.completions.parse(model=SMALL, messages=QUESTION, response_format=Answer)
    return parsed.choices[0].message.parsed.model_dump()


async def image(client: Any) -> Any:
    """An image goes in."""
    content = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    answer = await client.chat.completions.create(model=SMALL, messages=[{"role": "user", "content": content}])
    return {"said": answer.choices[0].message.content}


async def image_link(client: Any) -> Any:
    """An image is named by its URL."""
    content = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": LINK}}]
    answer = await client.chat.completions.create(model=SMALL, messages=[{"role": "user", "content": content}])
    return {"said": answer.choices[0].message.content}


async def unwilling(client: Any) -> Any:
    """The model refuses."""
    answer = await client.chat.completions.create(model=_faulty("refusal"), messages=QUESTION)
    choice = answer.choices[0]
    return {"refused": bool(choice.message.refusal) or choice.finish_reason == "content_filter"}


async def limited(client: Any) -> Any:
    """The limit of tokens ends the answer."""
    answer = await client.chat.completions.create(model=SMALL, messages=QUESTION, max_tokens=2)
    return {"said": answer.choices[0].message.content, "ended": ENDS[answer.choices[0].finish_reason]}


async def cached(client: Any) -> Any:
    """Tokens from the cache are told among those that went in."""
    facts = []
    for more in ({}, {"stream": True, "stream_options": USAGE}):
        model = _faulty("input-tokens=100,cached=60,output-tokens=7")
        answer = await client.chat.completions.create(model=model, messages=QUESTION, **more)
        usage = [chunk.usage async for chunk in answer][-1] if more else answer.usage
        facts.append([*_used(usage), usage.prompt_tokens_details.cached_tokens])
    return facts


async def completion(client: Any) -> Any:
    """The legacy completions surface."""
    answer = await client.completions.create(model=SMALL, prompt="hello there")
    return {"said": answer.choices[0].text, "ended": ENDS[answer.choices[0].finish_reason]}


async def embeddings(client: Any) -> Any:
    """Two texts become two vectors, different ones."""
    answer = await client.embeddings.create(model="sandbox-embed", input=["one", "two"])
    first, second = (one.embedding for one in answer.data)
    return {"vectors": len(answer.data), "differ": first != second, "numbers": all(isinstance(n, float) for n in first)}


async def transcription(client: Any) -> Any:
    """A file goes up as a form."""
    answer = await client.audio.transcriptions.create(
        model="sandbox-audio", file=("talk.wav", b"RIFF" * 50_000), prompt="about birds"
    )
    return {"said": answer.text}


async def speech(client: Any) -> Any:
    """Sound comes back as bytes."""
    answer = await client.audio.speech.create(model="sandbox-audio", voice="alloy", input="hello")
    content = answer.content
    return {"bytes": len(content), "begins": content[:8].decode("latin-1")}


async def models(client: Any) -> Any:
    """The models this key may call, and one of them."""
    listed = [model.id async for model in client.models.list()]
    one = await client.models.retrieve(SMALL)
    return {"listed": SMALL in listed, "one": one.id}


async def headers(client: Any) -> Any:
    """Who answered, and after how many attempts, stands in the headers."""
    raw = await client.chat.completions.with_raw_response.create(
        model=_faulty("status=503"), messages=QUESTION, extra_body={"models": [SMALL]}
    )
    said = raw.parse().choices[0].message.content
    named = {name: raw.headers[f"x-aigw-{name}"] for name in ("provider", "model", "attempts")}
    return {"said": said, **named, "id": raw.headers["x-request-id"].startswith("req_")}


async def bad_key(client: Any) -> Any:
    """An unknown access key."""
    try:
        await client.with_options(api_key="aigw-nobody-knows-this-key").chat.completions.create(
            model=SMALL, messages=QUESTION
        )
    except openai.AuthenticationError as error:
        return {"raised": "AuthenticationError", "status": error.status_code, "code": error.code}
    return None


async def unknown_model(client: Any) -> Any:
    """A model nobody knows."""
    try:
        await client.chat.completions.create(model="no-such-model", messages=QUESTION)
    except openai.NotFoundError as error:
        return {"raised": "NotFoundError", "status": error.status_code, "code": error.code}
    return None


async def rate_limited(client: Any) -> Any:
    """A rate limit that stays is retried by the SDK at the pace the upstream asked for, then raised."""
    try:
        await client.chat.completions.create(model=_faulty("status=429,retry-after-ms=20"), messages=QUESTION)
    except openai.RateLimitError as error:
        return _retried(error, "RateLimitError")
    return None


async def overloaded(client: Any) -> Any:
    """An overload that stays is retried by the SDK, then raised."""
    try:
        await client.chat.completions.create(model=_faulty("status=503,retry-after-ms=20"), messages=QUESTION)
    except openai.InternalServerError as error:
        return _retried(error, "InternalServerError")
    return None


def _retried(error: Any, kind: str) -> Any:
    request = error.response.request
    hint = error.response.headers.get("retry-after-ms")
    return {
        "raised": kind,
        "status": error.status_code,
        "retries": int(request.headers["x-stainless-retry-count"]),
        "hint": hint,
    }


async def refused(client: Any) -> Any:
    """The upstream's own refusal of a request keeps its status, message and parameter."""
    try:
        await client.chat.completions.create(model=SMALL, messages=[])
    except openai.BadRequestError as error:
        return {"raised": "BadRequestError", "status": error.status_code, "param": error.param}
    return None


async def broken(client: Any) -> Any:
    """A stream that stops midway raises."""
    pieces = 0
    try:
        async for chunk in await client.chat.completions.create(
            model=_faulty("cut-events=3c"), messages=QUESTION, stream=True
        ):
            pieces += bool(chunk.choices and chunk.choices[0].delta.content)
    except openai.APIError as error:
        return {"raised": True, "pieces": pieces, "told": "stopped midway" in str(error)}
    return {"raised": False, "pieces": pieces}


async def broken_event(client: Any) -> Any:
    """A stream that stops within an event raises too."""
    try:
        async for _ in await client.chat.completions.create(
            model=_faulty("cut-bytes=700"), messages=QUESTION, stream=True
        ):
            pass
    except Exception as error:
        return {"raised": type(error).__module__.partition(".")[0] in ("openai", "httpx", "httpx2")}
    return {"raised": False}

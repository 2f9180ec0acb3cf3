"""The Gemini API through the `google-genai` SDK."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from google import genai
from google.genai import errors, types
from pydantic import BaseModel

SMALL = "sandbox-small"
THINK = "sandbox-think"
QUESTION = "hello there my friend"
LINK = "https://example.com/pixel.png"
ENDS = {"STOP": "end", "MAX_TOKENS": "limit"}
REFUSALS = ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST")
CITY = types.Schema(type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)})
WEATHER = types.FunctionDeclaration(name="get_weather", description="Weather", parameters=CITY)
CLOCK = types.FunctionDeclaration(name="get_time", description="Time")
TOOLS = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[WEATHER, CLOCK])])
THINKING = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=[WEATHER])],
    thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024),
)
RETRY = types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.02)


class Answer(BaseModel):
    """What a structured answer holds."""

    summary: str
    score: int


@contextlib.asynccontextmanager
async def open_client(base_url: str, access_key: str) -> AsyncIterator[Any]:
    """The SDK as an app would set it up."""
    options = types.HttpOptions(base_url=base_url, retry_options=RETRY)
    client = genai.Client(api_key=access_key, http_options=options)
    try:
        yield client.aio
    finally:
        await client.aio.aclose()
        client.close()


def _faulty(faults: str) -> str:
    return f"{SMALL if ':' in SMALL else f'sandbox:{SMALL}'}!{faults}"


def _used(answer: Any) -> list[int]:
    return [answer.usage_metadata.prompt_token_count, answer.usage_metadata.candidates_token_count]


def _ended(answer: Any) -> str:
    called = bool(answer.function_calls)
    return "tool" if called else ENDS[answer.candidates[0].finish_reason.value]


def _calls(answer: Any) -> list[list[str]]:
    return sorted([call.name, json.dumps(call.args or {}, separators=(",", ":"))] for call in answer.function_calls)


async def text(client: Any) -> Any:
    """A plain answer."""
    answer = await client.models.generate_content(model=SMALL, contents=QUESTION)
    return {"said": answer.text, "ended": _ended(answer), "used": _used(answer)}


async def stream(client: Any) -> Any:
    """A streamed answer."""
    return await _streamed(client, SMALL)


async def _streamed(client: Any, model: str) -> Any:
    pieces, last = [], None
    async for last in await client.models.generate_content_stream(model=model, contents=QUESTION):
        pieces += [last.text] if last.text else []
    assert last is not None
    return {"said": "".join(pieces), "streamed": len(pieces) > 1, "ended": _ended(last), "used": _used(last)}


async def slow(client: Any) -> Any:
    """The same from a provider whose events come one by one."""
    return await _streamed(client, _faulty("delay=2"))


async def tool(client: Any) -> Any:
    """One tool is called."""
    answer = await client.models.generate_content(model=SMALL, contents="use the tool get_weather", config=TOOLS)
    return {"calls": _calls(answer), "ended": _ended(answer)}


def _question(text: str) -> Any:
    return types.Content(role="user", parts=[types.Part(text=text)])


def _answered(content: Any, *results: str) -> list[Any]:
    """What was said, with the results of its calls behind it."""
    calls = zip((part.function_call for part in content.parts if part.function_call), results, strict=True)
    told = [types.FunctionResponse(id=call.id, name=call.name, response={"result": said}) for call, said in calls]
    return [content, types.Content(role="user", parts=[types.Part(function_response=each) for each in told])]


async def _heard(client: Any, model: str, contents: Any, config: Any) -> Any:
    """All parts of a stream, and its text."""
    parts: list[Any] = []
    async for chunk in await client.models.generate_content_stream(model=model, contents=contents, config=config):
        parts += (chunk.candidates[0].content and chunk.candidates[0].content.parts) or []
    said = "".join(part.text for part in parts if part.text and not part.thought)
    return types.Content(role="model", parts=parts), said


async def parallel(client: Any) -> Any:
    """Two tools are called at once, streamed, and both results go back."""
    contents = [_question("use both tools in parallel")]
    first, _ = await _heard(client, SMALL, contents, TOOLS)
    made = [part.function_call for part in first.parts if part.function_call]
    calls = sorted([call.name, json.dumps(call.args or {}, separators=(",", ":"))] for call in made)
    _, said = await _heard(client, SMALL, contents + _answered(first, "sunny", "noon"), TOOLS)
    return {"calls": calls, "ended": "tool", "said": said}


async def loop(client: Any) -> Any:
    """A tool's result goes back, and the answer uses it."""
    contents = [_question("use the tool")]
    first = await client.models.generate_content(model=SMALL, contents=contents, config=TOOLS)
    contents += _answered(first.candidates[0].content, "sunny")
    second = await client.models.generate_content(model=SMALL, contents=contents, config=TOOLS)
    return {"said": second.text, "ended": _ended(second)}


async def thinking(client: Any) -> Any:
    """What was thought before a call goes back with its result."""
    contents = [_question("use the tool")]
    first = (
        (await client.models.generate_content(model=THINK, contents=contents, config=THINKING)).candidates[0].content
    )
    contents += _answered(first, "sunny")
    second = await client.models.generate_content(model=THINK, contents=contents, config=THINKING)
    return {**_thought(first), "said": second.text}


async def thinking_stream(client: Any) -> Any:
    """The same, streamed."""
    contents = [_question("use the tool")]
    first, _ = await _heard(client, THINK, contents, THINKING)
    _, said = await _heard(client, THINK, contents + _answered(first, "sunny"), THINKING)
    return {**_thought(first), "said": said}


def _thought(content: Any) -> dict[str, Any]:
    """The thought, and whether anything is signed."""
    thought = "".join(part.text for part in content.parts if part.thought and part.text)
    return {"thought": thought, "signed": any(part.thought_signature for part in content.parts)}


async def structured(client: Any) -> Any:
    """The answer fits a schema."""
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Answer)
    answer = await client.models.generate_content(model=SMALL, contents=QUESTION, config=config)
    return answer.parsed.model_dump()


async def image(client: Any) -> Any:
    """An image goes in."""
    parts = ["what is it", types.Part.from_bytes(data=b"\x89PNG\r\n\x1a\n", mime_type="image/png")]
    answer = await client.models.generate_content(model=SMALL, contents=parts)
    return {"said": answer.text}


async def image_link(client: Any) -> Any:
    """An image is named by its URL."""
    parts = ["what is it", types.Part.from_uri(file_uri=LINK, mime_type="image/png")]
    answer = await client.models.generate_content(model=SMALL, contents=parts)
    return {"said": answer.text}


async def unwilling(client: Any) -> Any:
    """The model refuses."""
    answer = await client.models.generate_content(model=_faulty("refusal"), contents=QUESTION)
    return {"refused": answer.candidates[0].finish_reason.value in REFUSALS}


async def limited(client: Any) -> Any:
    """The limit of tokens ends the answer."""
    config = types.GenerateContentConfig(max_output_tokens=2)
    answer = await client.models.generate_content(model=SMALL, contents=QUESTION, config=config)
    return {"said": answer.text, "ended": _ended(answer)}


async def cached(client: Any) -> Any:
    """Tokens from the cache are told among those that went in."""
    model = _faulty("input-tokens=100,cached=60,output-tokens=7")
    answer = await client.models.generate_content(model=model, contents=QUESTION)
    stream = await client.models.generate_content_stream(model=model, contents=QUESTION)
    used = [answer, [chunk async for chunk in stream][-1]]
    return [[*_used(each), each.usage_metadata.cached_content_token_count] for each in used]


async def count(client: Any) -> Any:
    """Tokens are counted without an answer."""
    counted = await client.models.count_tokens(model=SMALL, contents=QUESTION)
    return {"counted": counted.total_tokens}


async def embeddings(client: Any) -> Any:
    """Two texts become two vectors, different ones."""
    answer = await client.models.embed_content(model="sandbox-embed", contents=["one", "two"])
    first, second = (one.values for one in answer.embeddings)
    return {
        "vectors": len(answer.embeddings),
        "differ": first != second,
        "numbers": all(isinstance(n, float) for n in first),
    }


async def models(client: Any) -> Any:
    """The models this key may call in this format, and one of them."""
    listed = [model.name async for model in await client.models.list()]
    one = await client.models.get(model=SMALL)
    return {"listed": f"models/{SMALL}" in listed, "one": one.name.removeprefix("models/")}


async def bad_key(client: Any) -> Any:
    """An unknown access key."""
    options = types.HttpOptions(headers={"x-goog-api-key": "aigw-nobody-knows-this-key"})
    return await _raised(client, SMALL, http_options=options)


async def unknown_model(client: Any) -> Any:
    """A model nobody knows."""
    return await _raised(client, "no-such-model")


async def rate_limited(client: Any) -> Any:
    """A rate limit that stays is raised when the SDK's own attempts are used up."""
    return _upstreams(await _raised(client, _faulty("status=429")))


async def overloaded(client: Any) -> Any:
    """An overload that stays is raised as a server's error."""
    return _upstreams(await _raised(client, _faulty("status=503")))


def _upstreams(facts: dict[str, Any]) -> dict[str, Any]:
    """An upstream's error, whose reason is its own word."""
    return {name: fact for name, fact in facts.items() if name != "code"}


async def _raised(client: Any, model: str, **config: Any) -> Any:
    try:
        await client.models.generate_content(
            model=model, contents=QUESTION, config=types.GenerateContentConfig(**config)
        )
    except errors.APIError as error:
        details = error.details["error"].get("details") or [{}]
        code = details[0].get("reason")
        return {"raised": type(error).__name__, "status": error.code, "name": error.status, "code": code}
    return {}


async def broken(client: Any) -> Any:
    """A stream that stops midway raises."""
    pieces = 0
    try:
        async for _ in await client.models.generate_content_stream(model=_faulty("cut-events=3c"), contents=QUESTION):
            pieces += 1
    except Exception as error:
        return {"raised": True, "pieces": pieces, "told": "stopped midway" in str(error)}
    return {"raised": False, "pieces": pieces}

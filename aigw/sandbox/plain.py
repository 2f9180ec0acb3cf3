"""OpenAI's smaller JSON surfaces: completions, embeddings, moderations, rerank."""

import base64
import struct
import time
from collections.abc import Iterator
from typing import Any

import orjson

from .chat import broken, usage_of
from .embedding import vector
from .errors import Refused
from .openai_input import limits, need
from .reply import EVENT_STREAM, Call, Event, Json, Kind, Reply, sse
from .script import Ask, Script, tokens, write

_DEFAULT_DIMENSIONS = 16
_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


def complete(call: Call) -> Reply:
    """A legacy completion of `prompt`. Raises Refused (400) when model or prompt are missing."""
    need(call.body, "model", "prompt")
    prompt = _texts(call.body["prompt"])[0]
    ask = Ask(text=prompt, weight=len(prompt), limits=limits(call.body, "max_tokens"))
    script = write(ask, call.faults)
    frame = {
        "id": call.house.mint("cmpl-", 29),
        "object": "text_completion",
        "created": int(time.time()),
        "model": call.model,
    }
    if call.streamed:
        options = call.body.get("stream_options") or {}
        events = _completion_events(frame, script, bool(options.get("include_usage")))
        return Reply(events=events, content_type=EVENT_STREAM, broken=broken)
    choice = _completion_choice(script.text, _finish(script))
    return Reply(body=orjson.dumps({**frame, "choices": [choice], "usage": usage_of(script.usage)}))


def embed(call: Call) -> Reply:
    """Embeddings as numbers or base64. Raises Refused (400) when model or input are missing."""
    need(call.body, "model", "input")
    inputs = _texts(call.body["input"])
    dimensions = call.body.get("dimensions") or _DEFAULT_DIMENSIONS
    packed = call.body.get("encoding_format") == "base64"
    data = []
    for index, text in enumerate(inputs):
        values = vector(text, dimensions)
        data.append({"object": "embedding", "index": index, "embedding": _packed(values) if packed else values})
    read = sum(map(tokens, inputs))
    usage = {"prompt_tokens": read, "total_tokens": read}
    return Reply(body=orjson.dumps({"object": "list", "data": data, "model": call.model, "usage": usage}))


def moderate(call: Call) -> Reply:
    """A verdict per input: text that says violence is flagged. Raises Refused (400) when input is missing."""
    need(call.body, "input")
    results = []
    for text in _texts(call.body["input"]):
        flagged = "violence" in text.lower()
        hit = {name: flagged and name == "violence" for name in _CATEGORIES}
        results.append(
            {
                "flagged": flagged,
                "categories": hit,
                "category_scores": {name: 0.9 if yes else 0.01 for name, yes in hit.items()},
                "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
            }
        )
    model = call.model or "sandbox-moderation"
    return Reply(body=orjson.dumps({"id": call.house.mint("modr-", 24), "model": model, "results": results}))


def rerank(call: Call) -> Reply:
    """Documents by the share of the query's words in them, best first (the shape of Jina, Cohere and vLLM).

    Raises Refused (400) when model, query or documents are missing.
    """
    need(call.body, "model", "query", "documents")
    wanted = set(call.body["query"].lower().split())
    documents = _texts(call.body["documents"])
    scored: list[Json] = []
    for index, document in enumerate(documents):
        shared = len(wanted & set(document.lower().split())) / max(1, len(wanted))
        scored.append({"index": index, "relevance_score": shared, "document": {"text": document}})
    scored.sort(key=lambda one: (-one["relevance_score"], one["index"]))
    if call.body.get("return_documents") is False:
        scored = [{key: one[key] for key in ("index", "relevance_score")} for one in scored]
    read = sum(map(tokens, [call.body["query"], *documents]))
    body = {
        "id": call.house.mint("rerank-", 24),
        "model": call.model,
        "results": scored[: call.body.get("top_n")],
        "usage": {"prompt_tokens": read, "total_tokens": read},
    }
    return Reply(body=orjson.dumps(body))


def _completion_choice(text: str, finish: str | None) -> Json:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}


def _finish(script: Script) -> str:
    return "length" if script.finish == "length" else "stop"


def _completion_events(frame: Json, script: Script, include_usage: bool) -> Iterator[Event]:
    extra = {"usage": None} if include_usage else {}
    for piece in script.pieces:
        chunk = {**frame, "choices": [_completion_choice(piece, None)], **extra}
        yield Event(sse(orjson.dumps(chunk)))
    last = {**frame, "choices": [_completion_choice("", _finish(script))], **extra}
    yield Event(sse(orjson.dumps(last)), Kind.END)
    if include_usage:
        usage = {**frame, "choices": [], "usage": usage_of(script.usage)}
        yield Event(sse(orjson.dumps(usage)), Kind.END)
    yield Event(b"data: [DONE]\n\n", Kind.DONE)


def _texts(given: Any) -> list[str]:
    """The inputs as texts: one string, strings, token numbers, lists of them, or objects with a `text`."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        raise Refused(400, "Invalid input: expected a string or a non-empty array.", "invalid_type", "input")
    if all(isinstance(one, int) for one in given):
        return [" ".join(map(str, given))]
    return [_text(one) for one in given]


def _text(one: Any) -> str:
    if isinstance(one, dict):
        return str(one.get("text", ""))
    return " ".join(map(str, one)) if isinstance(one, list) else str(one)


def _packed(values: list[float]) -> str:
    """Little-endian 32-bit floats in base64, the encoding OpenAI's SDK asks for by default."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()

"""Google Gemini: content, tokens, embeddings and the model list (ai.google.dev, API reference, v1beta).

Both spellings of field names are read, as the real API's JSON mapping does; answers are in camel case.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from attrs import frozen

from . import models
from .embedding import vector
from .errors import Problem, Refused, gemini_error
from .reply import Call, Event, Json, Kind, Reply
from .script import Ask, Finish, Limits, Mode, Script, Tool, Toolbox, input_tokens, tokens, weigh, write
from .thinking import opened, sign

_FINISH: dict[Finish, str] = {
    "stop": "STOP",
    "stop_sequence": "STOP",
    "length": "MAX_TOKENS",
    "tool": "STOP",
    "refusal": "SAFETY",
}
_CONTENT_TYPE = "application/json; charset=UTF-8"
_DEFAULT_DIMENSIONS = 16
_PLACE = "gemini"
# Since this version calls have to come back signed.
_DEMANDING = "gemini-3"
# What the documentation allows in the place of a signature that nobody has.
_NO_SIGNATURES = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_NOTE = b'data: {"sandboxNote": 1}\r\n\r\n'
_SNAKE = re.compile(r"_([a-z])")


def answer(call: Call) -> Reply:
    """Generated content, whole. Raises Refused (400) when there are no contents."""
    turn = _turn(call)
    return _streamed(turn, "sse") if call.faults.streamed else _whole(turn)


def stream(call: Call) -> Reply:
    """Generated content in chunks: server-sent events with `alt=sse`, else one JSON array that grows."""
    turn = _turn(call)
    return _whole(turn) if call.faults.unstreamed else _streamed(turn, call.query.get("alt"))


def _whole(turn: "_Turn") -> Reply:
    return Reply(body=turn.whole(), content_type=_CONTENT_TYPE, script=turn.script)


def _streamed(turn: "_Turn", alt: str | None) -> Reply:
    if alt == "sse":
        kind = "text/event-stream"
        return Reply(events=turn.sse(), content_type=kind, broken=_broken, note=_NOTE, script=turn.script)
    return Reply(events=turn.array(), content_type=_CONTENT_TYPE, broken=_broken_array, script=turn.script)


def _turn(call: Call) -> "_Turn":
    ask = read(call.body)
    strict = call.faults.thinking_back or _DEMANDING in call.model
    _check_signatures(_camel(call.body)["contents"], demanded=ask.thinks and strict)
    return _Turn(call, write(ask, call.faults))


def count(call: Call) -> Reply:
    """The tokens of contents, given alone or inside a whole request."""
    number = input_tokens(read(_camel(call.body).get("generateContentRequest") or call.body))
    details = [{"modality": "TEXT", "tokenCount": number}]
    return Reply(body=_dump({"totalTokens": number, "promptTokensDetails": details}), content_type=_CONTENT_TYPE)


def embed(call: Call) -> Reply:
    """One embedding. Raises Refused (400) when there is no content."""
    return Reply(body=_dump({"embedding": _embedding(call.body)}), content_type=_CONTENT_TYPE)


def embed_batch(call: Call) -> Reply:
    """One embedding for each request of the batch. Raises Refused (400) when the batch is empty."""
    requests = call.body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise Refused(400, "* BatchEmbedContentsRequest.requests: requests is not specified")
    body = _dump({"embeddings": [_embedding(request) for request in requests]})
    return Reply(body=body, content_type=_CONTENT_TYPE)


def listing(call: Call) -> Reply:
    """The models; or the one the path names. Raises Refused (404) when there is no such model."""
    if not call.target:
        return Reply(body=_dump({"models": [_model(one) for one in models.MODELS]}), content_type=_CONTENT_TYPE)
    found = models.find(call.target)
    if found is None:
        message = f"models/{call.target} is not found for API version v1beta. Call ListModels to see the list."
        raise Refused(404, message)
    return Reply(body=_dump(_model(found)), content_type=_CONTENT_TYPE)


def read(body: Json) -> Ask:
    """The question in a Gemini request."""
    body = _camel(body)
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise Refused(400, "* GenerateContentRequest.contents: contents is not specified\n")
    parts = [_camel(part) for part in contents[-1].get("parts") or ()]
    results = tuple(_result(part["functionResponse"]) for part in parts if "functionResponse" in part)
    config = _camel(body.get("generationConfig") or {})
    kinds = [_camel(part.get("inlineData") or part.get("fileData") or {}).get("mimeType", "") for part in parts]
    return Ask(
        text="\n".join(part["text"] for part in parts if isinstance(part.get("text"), str)),
        weight=weigh(contents) + weigh(body.get("systemInstruction")) + weigh(body.get("tools")),
        images=sum(kind.startswith("image/") for kind in kinds),
        files=sum(bool(kind) and not kind.startswith("image/") for kind in kinds),
        toolbox=_toolbox(body),
        results=results,
        schema=_schema(config),
        thinks=_thinks(config),
        limits=Limits(config.get("maxOutputTokens"), tuple(config.get("stopSequences") or ())),
    )


def _camel(body: Mapping[str, Any]) -> Json:
    """One level of an object with its keys in camel case."""
    return {_SNAKE.sub(lambda match: match[1].upper(), key): value for key, value in body.items()}


def _result(response: Mapping[str, Any]) -> str:
    value = response.get("response")
    if isinstance(value, Mapping) and len(value) == 1:
        value = next(iter(value.values()))
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _check_signatures(contents: list[Any], *, demanded: bool) -> None:
    """Signatures are the sandbox's own; where they are demanded, a step of the current turn begins with a signed call.

    https://ai.google.dev/gemini-api/docs/thought-signatures
    """
    turns = [[_camel(part) for part in content.get("parts") or ()] for content in contents]
    for part in (part for parts in turns for part in parts if "thoughtSignature" in part):
        if not _genuine(part["thoughtSignature"]):
            raise Refused(400, "Thought signature is not valid.")
    said = [number for number, content in enumerate(contents) if content.get("role") != "model"]
    questions = [number for number in said if any("functionResponse" not in part for part in turns[number])]
    for number in range(questions[-1] if questions else 0, len(turns)):
        first = next((part for part in turns[number] if "functionCall" in part), None)
        if demanded and first is not None and "thoughtSignature" not in first:
            message = (
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work"
                " correctly, and missing thought_signature may lead to degraded model performance. Additional data,"
                f" function call `default_api:{first['functionCall'].get('name')}` , position {number + 1}."
            )
            raise Refused(400, message)


def _genuine(signature: object) -> bool:
    """Google reads either alphabet of base64, padded or not."""
    if signature in _NO_SIGNATURES:
        return True
    standard = str(signature).replace("-", "+").replace("_", "/")
    signed = opened(standard + "=" * (-len(standard) % 4))
    return signed is not None and signed.place == _PLACE


def _schema(config: Json) -> Mapping[str, Any] | None:
    if config.get("responseMimeType") != "application/json":
        return None
    schema = config.get("responseSchema") or config.get("responseJsonSchema") or {}
    return schema if isinstance(schema, Mapping) else {}


def _thinks(config: Json) -> bool:
    thinking = config.get("thinkingConfig")
    return thinking is not None and _camel(thinking).get("thinkingBudget") != 0


def _toolbox(body: Json) -> Toolbox:
    offered = []
    for entry in body.get("tools") or ():
        for declared in _camel(entry).get("functionDeclarations") or ():
            declaration = _camel(declared)
            schema = declaration.get("parameters") or declaration.get("parametersJsonSchema") or {}
            offered.append(Tool(declaration["name"], schema))
    calling = _camel(_camel(body.get("toolConfig") or {}).get("functionCallingConfig") or {})
    modes: dict[str, Mode] = {"ANY": "any", "NONE": "none"}
    only = frozenset(calling.get("allowedFunctionNames") or ())
    return Toolbox(tuple(offered), modes.get(str(calling.get("mode", "")).upper(), "auto"), only)


def _embedding(request: Json) -> Json:
    request = _camel(request)
    parts = (request.get("content") or {}).get("parts")
    if not parts:
        raise Refused(400, "* EmbedContentRequest.content: content is not specified")
    text = "\n".join(part.get("text", "") for part in parts)
    config = _camel(request.get("embedContentConfig") or {})
    dimensions = request.get("outputDimensionality") or config.get("outputDimensionality")
    return {"values": vector(text, dimensions or _DEFAULT_DIMENSIONS)}


def _model(model: models.Model) -> Json:
    return {
        "name": f"models/{model.ident}",
        "version": "001",
        "displayName": model.name,
        "description": "A simulated model.",
        "inputTokenLimit": models.CONTEXT_TOKENS,
        "outputTokenLimit": models.OUTPUT_TOKENS,
        "supportedGenerationMethods": ["embedContent"] if model.embeds else ["generateContent", "countTokens"],
    }


def _dump(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def _broken(problem: Problem, sent: int) -> bytes:
    return b"data: " + orjson.dumps(gemini_error(problem)) + b"\r\n\r\n"


def _broken_array(problem: Problem, sent: int) -> bytes:
    return (b",\r\n" if sent else b"[") + _dump(gemini_error(problem)) + b"]"


@frozen(eq=False, slots=False)
class _Turn:
    """One model turn being put into Gemini's words."""

    call: Call
    script: Script

    def whole(self) -> bytes:
        usage = self.script.usage
        return _dump(self._chunk(self._parts(), self._response_id(), usage.output - usage.reasoning, last=True))

    def sse(self) -> Iterator[Event]:
        """Google ends its lines with CRLF."""
        for chunk, kind in self._chunks():
            yield Event(b"data: " + orjson.dumps(chunk) + b"\r\n\r\n", kind)

    def array(self) -> Iterator[Event]:
        for number, (chunk, kind) in enumerate(self._chunks()):
            end = b"]" if kind is Kind.END else b""
            yield Event((b",\r\n" if number else b"[") + _dump(chunk) + end, kind)

    def _response_id(self) -> str:
        return self.call.house.mint("", 22)

    def _chunks(self) -> Iterator[tuple[Json, Kind]]:
        usage, ident, steps, spoken = self.script.usage, self._response_id(), self._steps(), 0
        for step in steps[:-1]:
            spoken += sum(tokens(part["text"]) for part in step if "thought" not in part)
            yield self._chunk(step, ident, spoken, last=False), Kind.CONTENT
        yield self._chunk(steps[-1], ident, usage.output - usage.reasoning, last=True), Kind.END

    def _parts(self) -> list[Json]:
        """The parts of a whole answer."""
        script, parts = self.script, list[Json]()
        if script.finish == "refusal":
            return parts
        if script.thinking and self._shows_thoughts():
            parts.append({"text": script.thought, "thought": True})
        if script.calls:
            return parts + self._function_calls()
        return [*parts, {"text": script.text, **self._signed()}]

    def _steps(self) -> list[list[Json]]:
        """The parts of a stream, grouped by the chunk they arrive in; with the last one it ends."""
        script, steps = self.script, list[list[Json]]()
        if script.finish == "refusal":
            return [[]]
        if self._shows_thoughts():
            steps += [[{"text": piece, "thought": True}] for piece in script.thinking]
        if script.calls:
            return [*steps, self._function_calls()]
        return [*steps, *([{"text": piece}] for piece in script.pieces), [{"text": "", **self._signed()}]]

    def _shows_thoughts(self) -> bool:
        config = _camel(self.call.body.get("generationConfig") or self.call.body.get("generation_config") or {})
        return bool(_camel(config.get("thinkingConfig") or {}).get("includeThoughts"))

    def _signed(self) -> Json:
        return {"thoughtSignature": sign(_PLACE, self.script.thought)} if self.script.thinking else {}

    def _function_calls(self) -> list[Json]:
        """The calls as parts; of parallel calls only the first carries the signature, as in the real API."""
        parts: list[Json] = []
        for made in self.script.calls:
            call = {
                "name": made.name,
                "args": orjson.loads(made.arguments),
                "id": self.call.house.mint("call_", 8),
            }
            parts.append({"functionCall": call, **({} if parts else self._signed())})
        return parts

    def _chunk(self, parts: list[Json], ident: str, spoken: int, *, last: bool) -> Json:
        candidate: Json = {"content": {"parts": parts, "role": "model"}} if parts else {}
        candidate["index"] = 0
        if last:
            candidate["finishReason"] = _FINISH[self.script.finish]
        if last and self.script.calls:
            candidate["finishMessage"] = "Model generated function call(s)."
        usage = self._usage(spoken)
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": self.call.model,
            "responseId": ident,
        }

    def _usage(self, spoken: int) -> Json:
        """Counts so far; thoughts stand beside the candidates' tokens, the cached are among the prompt's."""
        usage = self.script.usage
        counts = {
            "promptTokenCount": usage.input,
            "candidatesTokenCount": spoken,
            "totalTokenCount": usage.input + spoken + usage.reasoning,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
        }
        if usage.reasoning:
            counts["thoughtsTokenCount"] = usage.reasoning
        if usage.cached:
            counts["cachedContentTokenCount"] = usage.cached
        return counts

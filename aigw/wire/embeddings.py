"""Embeddings in no dialect, and the two dialects there are: OpenAI's and Gemini's.

Sources: https://platform.openai.com/docs/api-reference/embeddings, https://ai.google.dev/api/embeddings
"""

from __future__ import annotations

import base64
import binascii
import sys
from array import array
from typing import Any, Final, Protocol

import msgspec

from aigw.wire import estimate
from aigw.wire.losses import Ledger, child
from aigw.wire.places import refusal

_encode: Final = msgspec.json.Encoder().encode


class Input(msgspec.Struct, kw_only=True):
    """One text to embed, at a pointer. Gemini says the rest of each of them: `places` has its pointers by name."""

    text: str
    at: str
    task: str | None = None
    title: str | None = None
    dimensions: int | None = None
    places: dict[str, str] = {}


class Asked(msgspec.Struct, kw_only=True):
    """A request for embeddings. `single`: the answer holds one embedding and no list. `own` as in neutral.py."""

    model: str
    inputs: list[Input]
    single: bool = False
    packed: bool = False
    user: str | None = None
    own: dict[str, Any] = {}
    own_format: str = ""


class Embedded(msgspec.Struct, kw_only=True):
    """The answer: a vector for each input, in their order; `tokens` are those of the inputs, if they are told."""

    vectors: list[list[float]]
    model: str | None = None
    tokens: int | None = None


class Surface(Protocol):
    """One dialect of embeddings."""

    def read_request(self, body: dict[str, Any], model: str, ledger: Ledger) -> Asked:
        """A caller's request. Raises InvalidBody with the pointer of the place."""

    def write_request(self, asked: Asked, model: str, ledger: Ledger) -> bytes:
        """The body for a provider. Raises InvalidBody where nothing valid could be written."""

    def read_answer(self, data: bytes, asked: Asked) -> Embedded:
        """A provider's answer. Raises ValueError for what is none, or has not a vector for each input."""

    def write_answer(self, embedded: Embedded, asked: Asked, ledger: Ledger) -> bytes:
        """The answer for the caller who asked that."""


# -- OpenAI -----------------------------------------------------------------------------------------------------------


class _Vector(msgspec.Struct):
    embedding: list[float] | str
    index: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    total_tokens: int | None = None


class _OpenAIAnswer(msgspec.Struct):
    data: list[_Vector]
    model: str | None = None
    usage: _Usage | None = None


_read_openai: Final = msgspec.json.Decoder(_OpenAIAnswer).decode
_OPENAI_MEMBERS: Final = frozenset({"model", "models", "input", "dimensions", "encoding_format", "user"})


class OpenAI:
    """`POST /v1/embeddings`. Official SDKs ask for base64: float32, little-endian."""

    name = "chat"

    def read_request(self, body: dict[str, Any], model: str, ledger: Ledger) -> Asked:
        """Texts only: arrays of tokens mean something to the tokenizer of one model."""
        texts = body.get("input")
        dimensions = _dimensions(body.get("dimensions"), "/dimensions")
        encoding = body.get("encoding_format")
        if encoding not in (None, "float", "base64"):
            raise refusal("/encoding_format", "must be float or base64")
        places = {"dimensions": "/dimensions"}
        listed = [(texts, "/input")] if isinstance(texts, str) else _listed(texts)
        return Asked(
            model=model,
            inputs=[Input(text=text, at=at, dimensions=dimensions, places=places) for text, at in listed],
            packed=encoding == "base64",
            user=_text(body.get("user"), "/user"),
            own={name: value for name, value in body.items() if name not in _OPENAI_MEMBERS},
            own_format=self.name,
        )

    def write_request(self, asked: Asked, model: str, ledger: Ledger) -> bytes:
        """What Gemini says of a text's purpose has no place here."""
        dimensions = asked.inputs[0].dimensions
        for item in asked.inputs:
            for name in ("task", "title"):
                if getattr(item, name) is not None:
                    ledger.drop(item.places.get(name, item.at), f"OpenAI's embeddings have nothing like {name}")
            if item.dimensions != dimensions:
                raise refusal(
                    item.places.get("dimensions", item.at),
                    "is not the number of dimensions of the first text: send them in several requests",
                )
        body: dict[str, Any] = {"model": model, "input": [item.text for item in asked.inputs]}
        if asked.packed:
            body["encoding_format"] = "base64"
        if dimensions is not None:
            body["dimensions"] = dimensions
        if asked.user is not None:
            body["user"] = asked.user
        return _encode(body | _own(asked, self.name, ledger))

    def read_answer(self, data: bytes, asked: Asked) -> Embedded:
        """Vectors as numbers or base64."""
        answer = _read_openai(data)
        found = sorted(enumerate(answer.data), key=lambda item: item[0] if item[1].index is None else item[1].index)
        vectors = [_unpacked(vector.embedding) for _, vector in found]
        usage = answer.usage or _Usage()
        tokens = usage.total_tokens if usage.prompt_tokens is None else usage.prompt_tokens
        return _checked(Embedded(vectors=vectors, model=answer.model, tokens=tokens), asked)

    def write_answer(self, embedded: Embedded, asked: Asked, ledger: Ledger) -> bytes:
        """The usage is required here: estimated, and reported, where the provider does not tell it."""
        tokens = embedded.tokens
        if tokens is None:
            tokens = sum(estimate.text(item.text) for item in asked.inputs)
            ledger.approximate("answer:/usage", "the provider does not tell the usage: it is estimated")
        data = [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if asked.packed else vector}
            for index, vector in enumerate(embedded.vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _encode({"object": "list", "data": data, "model": embedded.model or asked.model, "usage": usage})


def _listed(texts: Any) -> list[tuple[str, str]]:
    if not isinstance(texts, list) or not texts:
        raise refusal("/input", "must be a text or a list of texts, at least one")
    for at, text in enumerate(texts):
        if isinstance(text, (int, list)) and not isinstance(text, bool):
            raise refusal(
                child("/input", at), "is of tokens, which mean nothing to another provider's model: send text"
            )
        if not isinstance(text, str):
            raise refusal(child("/input", at), "must be a text")
    return [(text, child("/input", at)) for at, text in enumerate(texts)]


def _packed(vector: list[float]) -> str:
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode("ascii")


def _unpacked(value: list[float] | str) -> list[float]:
    if not isinstance(value, str):
        return value
    floats = array("f")
    try:
        floats.frombytes(base64.b64decode(value, validate=True))
    except binascii.Error as error:
        raise ValueError(f"the embedding is not base64: {error}") from None
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()


# -- Gemini -----------------------------------------------------------------------------------------------------------


class _Values(msgspec.Struct):
    values: list[float]


class _GeminiUsage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    total_token_count: int | None = None


class _GeminiAnswer(msgspec.Struct, rename="camel"):
    embedding: _Values | None = None
    embeddings: list[_Values] | None = None
    usage_metadata: _GeminiUsage | None = None


_read_gemini: Final = msgspec.json.Decoder(_GeminiAnswer).decode
# Our names of what a request says of its text, by the members that say it: protobuf takes both spellings.
_GEMINI_SETTINGS: Final = {
    "taskType": "task",
    "task_type": "task",
    "title": "title",
    "outputDimensionality": "dimensions",
    "output_dimensionality": "dimensions",
}
_CONFIGS: Final = ("embedContentConfig", "embed_content_config")


class Gemini:
    """`:embedContent` and `:batchEmbedContents`. To providers it always speaks the batch, which both SDKs do."""

    name = "gemini"

    def read_request(self, body: dict[str, Any], model: str, ledger: Ledger) -> Asked:
        """One request, or a batch of them; each says all of itself."""
        own: dict[str, Any] = {}
        requests = body.get("requests")
        if requests is None:
            inputs = [_input(body, "", own, ledger)]
        elif isinstance(requests, list) and requests:
            inputs = [_input(request, child("/requests", at), own, ledger) for at, request in enumerate(requests)]
            own |= {f"/{name}": value for name, value in body.items() if name not in ("requests", "model", "models")}
        else:
            raise refusal("/requests", "must be a list of at least one request")
        return Asked(model=model, inputs=inputs, single=requests is None, own=own, own_format=self.name)

    def write_request(self, asked: Asked, model: str, ledger: Ledger) -> bytes:
        """A batch; the number of dimensions goes into each request."""
        _own(asked, "", ledger)
        if asked.user is not None:
            ledger.drop("/user", "Gemini's embeddings have nothing like user")
        requests = []
        for item in asked.inputs:
            request: dict[str, Any] = {"model": f"models/{model}", "content": {"parts": [{"text": item.text}]}}
            for member, value in (
                ("taskType", item.task),
                ("title", item.title),
                ("outputDimensionality", item.dimensions),
            ):
                if value is not None:
                    request[member] = value
            requests.append(request)
        return _encode({"requests": requests})

    def read_answer(self, data: bytes, asked: Asked) -> Embedded:
        """Of one request or of a batch."""
        answer = _read_gemini(data)
        found = answer.embeddings if answer.embedding is None else [answer.embedding]
        usage = answer.usage_metadata or _GeminiUsage()
        tokens = usage.total_token_count if usage.prompt_token_count is None else usage.prompt_token_count
        return _checked(Embedded(vectors=[each.values for each in found or ()], tokens=tokens), asked)

    def write_answer(self, embedded: Embedded, asked: Asked, ledger: Ledger) -> bytes:
        """In the shape that was asked for; the usage where it is told."""
        embeddings = [{"values": vector} for vector in embedded.vectors]
        body: dict[str, Any] = {"embedding": embeddings[0]} if asked.single else {"embeddings": embeddings}
        if embedded.tokens is not None:
            body["usageMetadata"] = {"promptTokenCount": embedded.tokens, "totalTokenCount": embedded.tokens}
        return _encode(body)


def _input(request: Any, at: str, own: dict[str, Any], ledger: Ledger) -> Input:
    """One request. What is unknown of it goes to `own`, by its pointer."""
    if not isinstance(request, dict):
        raise refusal(at, "must be an object")
    text = _content(request.get("content"), child(at, "content"), own, ledger)
    found = Input(text=text, at=child(at, "content"), places={})
    for name, value in request.items():
        if name in _CONFIGS and isinstance(value, dict):
            for inner, setting in value.items():
                _say(found, inner, setting, child(at, name, inner), own)
        elif name not in ("content", "model", "models"):
            _say(found, name, value, child(at, name), own)
    return found


def _say(found: Input, name: str, value: Any, at: str, own: dict[str, Any]) -> None:
    setting = _GEMINI_SETTINGS.get(name)
    if setting is None:
        own[at] = value
    elif value is not None:
        setattr(found, setting, _dimensions(value, at) if setting == "dimensions" else _text(value, at))
        found.places[setting] = at


def _content(content: Any, at: str, own: dict[str, Any], ledger: Ledger) -> str:
    """The text of a content; several parts are one text. A speaker's role says nothing of a text to embed."""
    parts = content.get("parts") if isinstance(content, dict) else None
    if isinstance(parts, dict):
        parts = [parts]
    if not isinstance(parts, list) or not parts:
        raise refusal(at, "must have parts with text")
    texts = []
    for number, part in enumerate(parts):
        place = child(at, "parts", number)
        text = part.get("text") if isinstance(part, dict) else None
        if not isinstance(text, str):
            raise refusal(place, "has no text: nothing else can be embedded elsewhere")
        own |= {child(place, name): value for name, value in part.items() if name != "text"}
        texts.append(text)
    if len(texts) > 1:
        ledger.approximate(child(at, "parts"), "several parts became one text, with a line break between them")
    own |= {child(at, name): value for name, value in content.items() if name not in ("parts", "role")}
    return "\n".join(texts)


# -- both -------------------------------------------------------------------------------------------------------------


def _own(asked: Asked, name: str, ledger: Ledger) -> dict[str, Any]:
    """The members that only the request's own format has, for that format; else reported."""
    if asked.own_format == name:
        return asked.own
    for member, value in asked.own.items():
        if value is not None:
            at = member if asked.own_format == Gemini.name else child("", member)
            ledger.drop(at, f"only {asked.own_format} has it")
    return {}


def _checked(embedded: Embedded, asked: Asked) -> Embedded:
    if len(embedded.vectors) != len(asked.inputs):
        raise ValueError(f"{len(embedded.vectors)} embeddings came for {len(asked.inputs)} texts")
    return embedded


def _dimensions(value: Any, at: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise refusal(at, "must be a whole number from 1")
    return value


def _text(value: Any, at: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise refusal(at, "must be a text")


SURFACES: Final[dict[str, Surface]] = {"chat": OpenAI(), "gemini": Gemini()}
"""By the wire format that their errors are written in, as in `operations`."""

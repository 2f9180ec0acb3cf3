"""What an API can be asked for: every operation of every surface, once.

Each has a path relative to the base URL of its surface (what a provider serves) and the wire format its
errors and streams are written in. The OpenAI surfaces without a format of their own share `chat`'s errors.
"""

from __future__ import annotations

from aigw import adapter
from aigw.adapter import CONVERSE, COUNT, EMBED, Operation

CHAT = Operation("chat", adapter.CHAT_COMPLETIONS, "chat", "chat/completions", task=CONVERSE)
RESPONSES = Operation("responses", adapter.RESPONSES, "responses", "responses", task=CONVERSE)
RESPONSE_GET = Operation("responses.get", adapter.RESPONSES, "responses", "responses/{id}", "GET")
RESPONSE_DELETE = Operation("responses.delete", adapter.RESPONSES, "responses", "responses/{id}", "DELETE")
RESPONSE_CANCEL = Operation("responses.cancel", adapter.RESPONSES, "responses", "responses/{id}/cancel")
RESPONSE_ITEMS = Operation("responses.input_items", adapter.RESPONSES, "responses", "responses/{id}/input_items", "GET")
MESSAGES = Operation("messages", adapter.MESSAGES, "messages", "messages", task=CONVERSE)
COUNT_TOKENS = Operation("count_tokens", adapter.COUNT_TOKENS, "messages", "messages/count_tokens", task=COUNT)
GEMINI_GENERATE = Operation(
    "gemini.generate", adapter.GEMINI, "gemini", "models/{model}:generateContent", task=CONVERSE
)
GEMINI_STREAM = Operation(
    "gemini.stream", adapter.GEMINI, "gemini", "models/{model}:streamGenerateContent", task=CONVERSE
)
GEMINI_COUNT = Operation("gemini.count", adapter.GEMINI, "gemini", "models/{model}:countTokens", task=COUNT)
GEMINI_EMBED = Operation("gemini.embed", adapter.GEMINI, "gemini", "models/{model}:embedContent", task=EMBED)
GEMINI_BATCH_EMBED = Operation(
    "gemini.batch_embed", adapter.GEMINI, "gemini", "models/{model}:batchEmbedContents", task=EMBED
)
COMPLETIONS = Operation("completions", adapter.COMPLETIONS, "chat", "completions")
EMBEDDINGS = Operation("embeddings", adapter.EMBEDDINGS, "chat", "embeddings", task=EMBED)
MODERATIONS = Operation("moderations", adapter.MODERATIONS, "chat", "moderations")
RERANK = Operation("rerank", adapter.RERANK, "chat", "rerank")
IMAGES_GENERATE = Operation("images.generations", adapter.IMAGES, "chat", "images/generations")
IMAGES_EDIT = Operation("images.edits", adapter.IMAGES, "chat", "images/edits")
SPEECH = Operation("audio.speech", adapter.AUDIO, "chat", "audio/speech")
TRANSCRIPTIONS = Operation("audio.transcriptions", adapter.AUDIO, "chat", "audio/transcriptions")
TRANSLATIONS = Operation("audio.translations", adapter.AUDIO, "chat", "audio/translations")
REALTIME = Operation("realtime", adapter.REALTIME, "chat", "realtime?model={model}", "GET")

ALL: tuple[Operation, ...] = tuple(value for value in globals().values() if isinstance(value, Operation))

_BY_TASK: dict[str, dict[str, Operation]] = {
    CONVERSE: {each.surface: each for each in (CHAT, RESPONSES, MESSAGES, GEMINI_GENERATE)},
    COUNT: {each.surface: each for each in (COUNT_TOKENS, GEMINI_COUNT)},
    EMBED: {each.surface: each for each in (EMBEDDINGS, GEMINI_BATCH_EMBED)},
}


def surfaces(task: str) -> tuple[str, ...]:
    """The surfaces that serve a task, each of which can be translated into each other."""
    return tuple(_BY_TASK.get(task, ()))


def translated(operation: Operation, surface: str, *, stream: bool) -> Operation:
    """What is asked of another surface for the same task."""
    if stream and operation.task == CONVERSE and surface == adapter.GEMINI:
        return GEMINI_STREAM
    return _BY_TASK[operation.task][surface]


def format_of(task: str, surface: str) -> str:
    """The wire format of a task on a surface."""
    return _BY_TASK[task][surface].format

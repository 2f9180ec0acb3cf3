"""What an API can be asked for: every operation of every surface, once.

Each has a path relative to the base URL of its surface (what a provider serves) and the wire format its
errors and streams are written in. The OpenAI surfaces without a format of their own share `chat`'s errors.
"""

from __future__ import annotations

from aigw import adapter
from aigw.adapter import Operation

CHAT = Operation("chat", adapter.CHAT_COMPLETIONS, "chat", "chat/completions")
RESPONSES = Operation("responses", adapter.RESPONSES, "responses", "responses")
RESPONSE_GET = Operation("responses.get", adapter.RESPONSES, "responses", "responses/{id}", "GET")
RESPONSE_DELETE = Operation("responses.delete", adapter.RESPONSES, "responses", "responses/{id}", "DELETE")
RESPONSE_CANCEL = Operation("responses.cancel", adapter.RESPONSES, "responses", "responses/{id}/cancel")
RESPONSE_ITEMS = Operation("responses.input_items", adapter.RESPONSES, "responses", "responses/{id}/input_items", "GET")
MESSAGES = Operation("messages", adapter.MESSAGES, "messages", "messages")
COUNT_TOKENS = Operation("count_tokens", adapter.COUNT_TOKENS, "messages", "messages/count_tokens")
GEMINI_GENERATE = Operation("gemini.generate", adapter.GEMINI, "gemini", "models/{model}:generateContent")
GEMINI_STREAM = Operation("gemini.stream", adapter.GEMINI, "gemini", "models/{model}:streamGenerateContent")
GEMINI_COUNT = Operation("gemini.count", adapter.GEMINI, "gemini", "models/{model}:countTokens")
GEMINI_EMBED = Operation("gemini.embed", adapter.GEMINI, "gemini", "models/{model}:embedContent")
GEMINI_BATCH_EMBED = Operation("gemini.batch_embed", adapter.GEMINI, "gemini", "models/{model}:batchEmbedContents")
COMPLETIONS = Operation("completions", adapter.COMPLETIONS, "chat", "completions")
EMBEDDINGS = Operation("embeddings", adapter.EMBEDDINGS, "chat", "embeddings")
MODERATIONS = Operation("moderations", adapter.MODERATIONS, "chat", "moderations")
RERANK = Operation("rerank", adapter.RERANK, "chat", "rerank")
IMAGES_GENERATE = Operation("images.generations", adapter.IMAGES, "chat", "images/generations")
IMAGES_EDIT = Operation("images.edits", adapter.IMAGES, "chat", "images/edits")
SPEECH = Operation("audio.speech", adapter.AUDIO, "chat", "audio/speech")
TRANSCRIPTIONS = Operation("audio.transcriptions", adapter.AUDIO, "chat", "audio/transcriptions")
TRANSLATIONS = Operation("audio.translations", adapter.AUDIO, "chat", "audio/translations")
REALTIME = Operation("realtime", adapter.REALTIME, "chat", "realtime?model={model}", "GET")

ALL: tuple[Operation, ...] = tuple(value for value in globals().values() if isinstance(value, Operation))

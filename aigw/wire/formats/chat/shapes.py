"""What servers write into chat streams: the shapes alone, as loose as the servers are.

They stand apart from what reads them, because that is compiled and msgspec's structs cannot be. What may be of
several types is Any; what is looked at rarely stays out and is found by decoding the chunk again.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Named(msgspec.Struct, gc=False):
    """A function and its arguments (or a custom tool and its input), whole or in pieces."""

    name: Any = None
    arguments: Any = None
    input: Any = None


class Call(msgspec.Struct, gc=False):
    """A tool call, whole or a piece of one."""

    index: Any = None
    id: Any = None
    type: Any = None
    function: Named | None = None
    custom: Named | None = None
    extra_content: Any = None


class Message(msgspec.Struct, gc=False):
    """A delta, or a whole message where a server sends it in a stream."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    tool_calls: list[Call] | None = None
    function_call: Named | None = None
    audio: Any = None
    images: Any = None
    annotations: Any = None
    extra_content: Any = None


class Choice(msgspec.Struct, gc=False):
    """One choice of a chunk. Moonshot's streams carry the usage here, OpenRouter's errors stand here."""

    index: Any = None
    delta: Message | None = None
    message: Message | None = None
    text: Any = None
    finish_reason: Any = None
    logprobs: Any = None
    usage: Any = None
    error: Any = None


class Chunk(msgspec.Struct, gc=False):
    """One event's data."""

    id: Any = None
    model: Any = None
    created: Any = None
    object: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None
    service_tier: Any = None
    system_fingerprint: Any = None
    citations: Any = None
    search_results: Any = None

"""The events of a stream, as far as every one of them is read; rarer members are read from the event once more.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from typing import Any

import msgspec


class BlockDelta(msgspec.Struct, gc=False):
    """What grows in `content_block_delta`, or changes in `message_delta`."""

    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: Any = None
    stop_reason: str | None = None
    stop_sequence: Any = None
    stop_details: Any = None
    container: Any = None


class StreamEvent(msgspec.Struct, gc=False):
    """One event."""

    type: str | None = None
    index: int | None = None
    delta: BlockDelta | None = None
    content_block: Any = None
    message: Any = None
    usage: Any = None
    context_management: Any = None
    error: Any = None


decode_event = msgspec.json.Decoder(StreamEvent).decode
decode_any = msgspec.json.Decoder().decode

"""One event of a provider's stream: the members that mean something here, of any type they may come in.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, gc=False):
    """An event's data. What a server leaves out is None, whatever the documentation says."""

    type: Any = None
    delta: Any = None
    item_id: Any = None
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    logprobs: Any = None
    item: Any = None
    part: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    input: Any = None
    annotation: Any = None
    response: Any = None
    error: Any = None


decode = msgspec.json.Decoder(Event).decode
"""Raises msgspec.DecodeError (a ValueError) for what is not a JSON object."""

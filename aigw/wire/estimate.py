"""How many tokens is a prompt? Estimated without a tokenizer, for providers that have no endpoint to ask.

Every model cuts text in its own way, so this is a figure to plan with and never one to bill by. The method:

- Text: 4 characters of ASCII are a token (what OpenAI and Google tell for English), 2 of the alphabets that take two
  bytes in UTF-8 (accents, Greek, Cyrillic, Hebrew, Arabic), 1 of those that take three (Chinese, Japanese, Korean, the
  scripts of India), half a character of those that take four (emoji).
- 4 for each turn, 3 for the answer's beginning (OpenAI's cookbook, "How to count tokens"); 8 for each tool and each
  call around its JSON, which counts as text.
- Images: width times height by 750, after they are scaled down to 1,568 pixels, at most 1,600 (Anthropic's "Vision");
  85 where a low detail is asked for, 1,000 where the size is not known.
- Sounds: 32 a second (Google's "Audio understanding"), at 32 kB/s of WAV and 16 kB/s of anything else. Videos: 300 a
  second at 125 kB/s. PDF files: 2,000 for each page of 50 kB. Where there is no data but a URL or an id, a constant.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from aigw.wire import media, picture
from aigw.wire.neutral import (
    AnyTool,
    Conversation,
    CustomTool,
    Foreign,
    ForeignTool,
    Media,
    Part,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Structured,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)

_TURN: Final = 4
_ANSWER: Final = 3
_WRAPPING: Final = 8
_LOW_DETAIL: Final = 85
_LARGEST_IMAGE: Final = 1600
_LONGEST_EDGE: Final = 1568
_PIXELS: Final = 750
_UNKNOWN: Final = {"image": 1000, "audio": 1000, "video": 5000, "document": 3000}
_BYTES_OF_TOKEN: Final = {"audio": 500, "video": 417, "document": 25}
_BYTES_OF_WAV_TOKEN: Final = 1000

_encode: Final = msgspec.json.Encoder().encode


def tokens(conversation: Conversation) -> int:
    """The tokens of a prompt, at least 1. Never raises; linear in the text, and media are not decoded."""
    total = _ANSWER
    for turn in conversation.turns:
        total += _TURN + sum(map(_part, turn.parts)) + text(turn.name or "")
    total += sum(map(_tool, conversation.tools))
    output = conversation.settings.output
    if output is not None and output.schema is not None:
        total += _json(output.schema)
    return total


def weight(conversation: Conversation) -> int:
    """As `tokens`, and with all that only the request's own format knows: for a limit that nothing is to slip past."""
    total = tokens(conversation) + _json(conversation.own)
    for turn in conversation.turns:
        total += _json(turn.own) + sum(_json(part.own) for part in turn.parts if part.own)
    return total


def loosely(value: Any) -> int:
    """The tokens of a decoded JSON value of whatever shape: its texts, and one for each number (a token's own)."""
    total = 0
    left = [value]
    while left:
        found = left.pop()
        if isinstance(found, str):
            total += text(found)
        elif isinstance(found, dict):
            left += found.values()
        elif isinstance(found, list):
            left += found
        elif found is not None and not isinstance(found, bool):
            total += 1
    return total


def text(value: str) -> int:
    """The tokens of a text."""
    if value.isascii():
        return (len(value) + 3) // 4
    narrow = len(value.encode("ascii", "ignore"))
    widest = len(value.encode("utf-16-le", "surrogatepass")) // 2 - len(value)
    rest = len(value) - narrow - widest
    wide = len(value.encode("utf-8", "surrogatepass")) - narrow - 4 * widest - 2 * rest
    return (narrow + 2 * (rest - wide) + 4 * wide + 8 * widest + 3) // 4


def _part(part: Part) -> int:
    if isinstance(part, (Text, Refusal, Thinking)):
        return text(part.text)
    if isinstance(part, (ToolCall, ServerToolCall)):
        return _WRAPPING + text(part.name) + text(part.arguments)
    if isinstance(part, ToolResult):
        # Results do not hold results; whatever stands there in spite of it counts nothing.
        return _WRAPPING + sum(_part(inner) for inner in part.parts if not isinstance(inner, ToolResult))
    if isinstance(part, Media):
        return _media(part)
    if isinstance(part, Structured):
        return text(part.value)
    if isinstance(part, Foreign):
        return _json(part.value)
    if isinstance(part, ServerToolResult):
        return _WRAPPING + sum(text(hit.url) + text(hit.title or "") for hit in part.hits or ()) + _json(part.own)
    return 0


def _tool(tool: AnyTool) -> int:
    total = _WRAPPING
    if isinstance(tool, (Tool, CustomTool)):
        total += text(tool.name) + text(tool.description or "")
    if isinstance(tool, Tool):
        total += _json(tool.parameters)
    elif isinstance(tool, CustomTool):
        total += _json(tool.format)
    elif isinstance(tool, ForeignTool):
        total += _json(tool.value)
    return total


def _json(value: Any) -> int:
    if not value:
        return 0
    try:
        return text(_encode(value).decode("utf-8"))
    except (TypeError, ValueError, RecursionError):
        return _WRAPPING


def _media(part: Media) -> int:
    source = part.source
    said = text(part.name or "") + text(part.context or "") + text(part.transcript or "")
    if source.text is not None:
        return said + text(source.text)
    if part.kind == "image":
        return said + _image(source.data, part.detail)
    if source.data is None:
        return said + _UNKNOWN[part.kind]
    media_type = source.media_type or ""
    if media_type.startswith("text/") or media_type.endswith("json"):
        return said + len(source.data) * 3 // 16 + 1
    step = _BYTES_OF_WAV_TOKEN if "wav" in media_type else _BYTES_OF_TOKEN[part.kind]
    return said + max(len(source.data) * 3 // 4 // step, _WRAPPING)


def _image(data: str | None, detail: str | None) -> int:
    if detail == "low":
        return _LOW_DETAIL
    found = picture.size(media.first_bytes(data, picture.HEAD_BYTES // 3 * 4)) if data else None
    if found is None:
        return _UNKNOWN["image"]
    width, height = found
    scale = min(1.0, _LONGEST_EDGE / max(width, height))
    return max(1, min(_LARGEST_IMAGE, int(width * scale * height * scale / _PIXELS)))

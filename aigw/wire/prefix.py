"""The digest of a request's cacheable prefix, the same for every turn of a conversation.

A provider keeps what it computed of a prompt's beginning for some minutes, by organisation or workspace: a further
turn is cheaper and quicker where the one before it was answered. This digest says which requests belong together.
What a caller says of it goes first; else it is made of the members below and of the conversation up to and with its
first user message, which stay the same while the conversation grows:

- `prompt_cache_key`: the caller's own name for requests that share a prefix (OpenAI, API reference, Responses); alone.
- `conversation` (Responses): one stored conversation; alone.
- `previous_response_id` (Responses): what is sent is only the newest turn, and the id is another one in each. The
  caller's `safety_identifier`, or `user`, keeps such a chain together; without one each turn is for itself. Only the
  organisation that stored a response knows it: who chains, names a `prompt_cache_key` or a `conversation`.
- `tools`, `system`, `instructions`, `systemInstruction`, `prompt`; then `messages`, `input` or `contents`.

Two things change from turn to turn without being part of the prompt, and are left out: `cache_control`, which agents
move on to their newest message, and the billing line that a coding agent writes into its system prompt.

What reads a body here are msgspec and json in C: there is nothing to compile.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import msgspec

DIGEST_BYTES = 16
# A body up to this size is read as a whole. A larger one is read up to its conversation, and only so much of it,
# whether the rest has arrived or not: the digest does not depend on how the network cut it. A conversation that grows
# beyond this size may change its digest once.
OPENING = 256 * 1024
# Requests have some thirty members, and the first user message stands among the first turns.
MAX_MEMBERS = 256
MAX_TURNS = 64
# A completion's prompt grows at its end. Providers themselves look at the first 256 tokens or so, about 1 KiB.
SEEN_OF_PROMPT = 1024
# So much is hashed of what cannot be read: forms and what is no JSON.
SEEN_OF_OTHERS = 4096

_NONE = msgspec.Raw()


class _Said(msgspec.Struct, gc=False):
    prompt_cache_key: msgspec.Raw = _NONE
    conversation: msgspec.Raw = _NONE
    previous_response_id: msgspec.Raw = _NONE
    safety_identifier: msgspec.Raw = _NONE
    user: msgspec.Raw = _NONE
    tools: msgspec.Raw = _NONE
    system: msgspec.Raw = _NONE
    instructions: msgspec.Raw = _NONE
    systemInstruction: msgspec.Raw = _NONE  # noqa: N815
    system_instruction: msgspec.Raw = _NONE
    prompt: msgspec.Raw = _NONE
    messages: msgspec.Raw = _NONE
    input: msgspec.Raw = _NONE
    contents: msgspec.Raw = _NONE


_FIELDS = frozenset(_Said.__struct_fields__)
_STANDING = ("tools", "system", "instructions", "systemInstruction", "system_instruction")
_CONVERSATION = ("messages", "input", "contents")
# How a turn begins: a message, or one that is only a text. Of anything else (tokens to embed) the beginning will do.
_TURN = frozenset('{"')
_EMPTY = frozenset({b"", b"null", b'""', b"[]", b"{}"})

_decode = msgspec.json.Decoder(_Said).decode
# In Latin-1 every byte is a character, so positions stay; numbers are not made, a long one would be refused.
_walk = json.JSONDecoder(strict=False, parse_int=len, parse_float=len).raw_decode

_OPEN = re.compile(r"[ \t\r\n]*\{")
_KEY = re.compile(r'[ \t\r\n]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_COMMA = re.compile(r"[ \t\r\n]*,")
_BETWEEN = re.compile(r"[ \t\r\n,]*")
# Within strings quotes are escaped, so that what is matched are members. All runs have a bound: what is longer is no
# mark of anybody's, and looking for its end from every place would take the square of its length.
_MARKED = re.compile(
    rb',[ \t\r\n]{0,8}"cache_control"[ \t\r\n]{0,8}:[ \t\r\n]{0,8}(?:\{[^{}]{0,256}\}|null)'
    rb'|"cache_control"[ \t\r\n]{0,8}:[ \t\r\n]{0,8}(?:\{[^{}]{0,256}\}|null)[ \t\r\n]{0,8},?'
)
# `x-…-billing-header: cc_version=2.1.100.7b4; cc_entrypoint=cli; cch=eb6c6;`, other digits in every request.
_BILLED = re.compile(rb'x-[a-z]{1,16}-billing-header:[^"\\]*')


def prefix(body: bytes) -> bytes:
    """The digest (BLAKE2b, 16 bytes) of what this request shares with the other turns of its conversation.

    Empty for a request without a body: it belongs to none.
    """
    if not body:
        return b""
    said: _Said | None = None
    if len(body) <= OPENING:
        try:
            said = _decode(body)
        except (ValueError, RecursionError):
            said = None  # not complete, or not JSON
    if said is None:
        said = _opening(body[:OPENING])
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for piece in _named(said) or _pieces(said) or (body[:SEEN_OF_OTHERS],):
        digest.update(piece)
        digest.update(b"\0")  # stands in no JSON
    return digest.digest()


def _opening(body: bytes) -> _Said:
    """The members up to and with the conversation, in the first part of a body; the last one may be cut."""
    text = body.decode("latin-1")
    found: dict[str, msgspec.Raw] = {}
    opened = _OPEN.match(text)
    at = opened.end() if opened is not None else len(text)
    for _ in range(MAX_MEMBERS):
        key = _KEY.match(text, at)
        if key is None:
            break
        name, start = key[1], key.end()
        # Where a long conversation ends would take a millisecond to find, and nearly always lies outside.
        end = len(text) if name in _CONVERSATION else _end(text, start)
        if name in _FIELDS:
            found[name] = msgspec.Raw(body[start:end])
        comma = _COMMA.match(text, end)
        if comma is None:
            break
        at = comma.end()
    return _Said(**found)


def _end(text: str, start: int) -> int:
    """Where a value ends, or the text does."""
    try:
        return _walk(text, start)[1]
    except (ValueError, RecursionError):
        return len(text)


def _named(said: _Said) -> tuple[bytes, ...] | None:
    """The caller's own name for what belongs together, if it has one."""
    if _is_there(said.prompt_cache_key):
        return b"prompt_cache_key", bytes(said.prompt_cache_key)
    if _is_there(said.conversation):
        return b"conversation", _id(bytes(said.conversation))
    if _is_there(said.previous_response_id):
        for name in ("safety_identifier", "user"):
            if _is_there(value := getattr(said, name)):
                return name.encode(), bytes(value)
        return b"previous_response_id", bytes(said.previous_response_id)
    return None


def _is_there(raw: msgspec.Raw) -> bool:
    return raw is not _NONE and (memoryview(raw).nbytes > 4 or bytes(raw) not in _EMPTY)


def _id(raw: bytes) -> bytes:
    """A conversation is named by its id, or by an object that has it."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    named = value.get("id") if isinstance(value, dict) else None
    return json.dumps(named).encode() if isinstance(named, str) else raw


def _pieces(said: _Said) -> list[bytes]:
    """What does not change while the conversation grows, nothing where there is none of it."""
    pieces: list[bytes] = []
    for name in _STANDING:
        if _is_there(raw := getattr(said, name)):
            pieces += (name.encode(), _unmarked(bytes(raw)))
    if _is_there(said.prompt):
        pieces += (b"prompt", bytes(memoryview(said.prompt)[:SEEN_OF_PROMPT]))
    for name in _CONVERSATION:
        if _is_there(raw := getattr(said, name)):
            pieces += (name.encode(), *_beginning(bytes(raw)))
    return pieces


def _unmarked(raw: bytes) -> bytes:
    """Without what changes from turn to turn and is no part of the prompt."""
    if b'"cache_control"' in raw:
        raw = _MARKED.sub(b"", raw)
    return _BILLED.sub(b"", raw) if b"-billing-header:" in raw else raw


def _beginning(raw: bytes) -> list[bytes]:
    """A conversation's turns up to and with the first that the user said; the last one may be cut."""
    text = raw.decode("latin-1")
    pieces: list[bytes] = []
    at = 1 if text.startswith("[") else 0
    for _ in range(MAX_TURNS if at else 1):
        at = _between(text, at)
        if text[at : at + 1] not in _TURN:
            pieces.append(raw[at : at + SEEN_OF_OTHERS])
            break
        try:
            value, end = _walk(text, at)
        except (ValueError, RecursionError):
            pieces.append(_unmarked(raw[at:]))
            break
        meant = _users(value)
        if meant is not None:
            pieces.append(meant or _unmarked(raw[at:end]))
            break
        pieces.append(_unmarked(raw[at:end]))
        at = end
    return pieces


def _between(text: str, at: int) -> int:
    matched = _BETWEEN.match(text, at)
    assert matched is not None
    return matched.end()


def _users(value: Any) -> bytes | None:
    """None for a turn that is not the user's, else its text, nothing if it is not one text alone.

    A text is written as a string or as a list of one block: agents write their newest turn as a block, to mark it, and
    as a string later.
    """
    if isinstance(value, str):
        return _encoded(value)
    if not isinstance(value, dict):
        return b""
    role = value.get("role")
    if role != "user" and not (role is None and "parts" in value):
        return None
    content = value.get("content", value.get("parts"))
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        content = content[0].get("text")
    return _encoded(content) if isinstance(content, str) else b""


def _encoded(text: str) -> bytes:
    return b"text:" + text.encode("utf-8", "surrogatepass")

"""What may come out of the parsers of bodies: JSON, forms, content codings."""

from __future__ import annotations

import gzip
import json
import zlib
from random import Random
from typing import Any

from aigw.errors import InvalidBody
from aigw.front.intake import Growing
from aigw.relay.request import GrowingBody
from aigw.wire.chunked import BadChunkError, Chunks
from aigw.wire.form import FormScanner
from aigw.wire.inflate import InflateError, inflater
from aigw.wire.peek import blank, peek, splice
from aigw.wire.prefix import DIGEST_BYTES, prefix
from aigw.wire.scan import Scanner

from .mutate import cut

JSON_SEEDS = [
    b'{"model":"up:m","messages":[{"role":"user","content":"hi"}]}',
    b' { "messages" : [ { "content" : "\\"model\\":\\"x\\"" , "model" : "i" } ] , "model" : "a\\u0062","stream":true}',
    b'{"models":["a","b:c"],"stream":false,"model":"m","n":1.5e3,"x":null,"y":[[],{}],"z":"\xc3\xbc\\ud83d\\ude00"}',
    b'{"model":"m","models":[],"metadata":{"models":["x"],"model":1},"tools":[{"parameters":{"type":"object"}}]}',
    b'{"input":"' + b"text \\\\ " * 30 + b'","models":["x"]}',
    b"{}",
]
FORM_SEEDS = [
    b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nup:m\r\n--b\r\nContent-Disposition: form-data;'
    b' name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--\r\n-b\r\n--b--\r\n',
    b'--b\r\nContent-Disposition: form-data; name=stream\r\n\r\ntrue\r\n--b\r\nX-Other: "name=model"\r\n'
    b"content-disposition: form-data ; name=model ;\r\n\r\nm\r\n--b--",
]
_PLAIN = b'data: {"choices":[{"delta":{"content":"hello hello hello"}}]}\n\n' * 4
CODED_SEEDS = [
    b"gzip:" + gzip.compress(_PLAIN, mtime=0),
    b"gzip:" + gzip.compress(_PLAIN[:60], mtime=0) + gzip.compress(_PLAIN[60:], mtime=0) + bytes(8),
    b"deflate:" + zlib.compress(_PLAIN),
    b"deflate:" + zlib.compress(_PLAIN)[2:-4],
    b"br:\x0b\x02\x80hello\x03",
    b"zstd:(\xb5/\xfd\x04X)\x00\x00hello\x9d\x93\xfe\xbd",
    b"gzip, deflate:" + zlib.compress(gzip.compress(_PLAIN, mtime=0)),
]
CHUNK_SEEDS = [
    b"5\r\nhello\r\n0\r\n\r\n",
    b"A;x=y\r\n0123456789\r\n1\r\nx\r\n000\r\nx-trailer: y\r\n\r\nHTTP/1.1 200 OK\r\n",
    b"1\r\na\r\n" * 40 + b"0\r\n\r\n",
]


def prefixed(data: bytes, chance: Random) -> None:
    """A digest of any body, or none, the same again."""
    digest = prefix(data)
    assert len(digest) in (0, DIGEST_BYTES)
    assert prefix(bytes(bytearray(data))) == digest


class Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in order, doubled ones included."""


def members(body: bytes) -> Pairs | None:
    """What the most lenient of parsers finds in a body; None where even it finds no object."""
    text = body.decode("utf-8", "surrogateescape")
    try:
        found = json.loads(text, strict=False, object_pairs_hook=Pairs, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, Pairs) else None


def json_body(data: bytes, chance: Random) -> None:
    """What is checked is what any parser obeys, a splice changes only the model, and slicing changes nothing."""
    strict = chance.random() < 0.5
    told = members(data)
    try:
        peeked = peek(data, strict=strict)
    except InvalidBody:
        peeked = None
    seen = _scanned(data, cut(data, chance), strict)
    # What stands in a value is the provider's to judge, bytes that are no UTF-8 included.
    if peeked is not None and told is not None and _is_text(data):
        _same_names(told, peeked.model, peeked.models if peeked.listed else None)
        _spliced(data, told, peeked.listed)
        assert seen == (peeked.model, peeked.models, peeked.listed, peeked.stream)
    _grown(data, chance, strict, told)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _same_names(told: Pairs, model: str | None, models: tuple[str, ...] | None) -> None:
    for name, seen in (("model", model), ("models", None if models is None else list(models))):
        said = [value for key, value in told if key == name]
        assert said == ([] if seen is None else [seen]), name


def _spliced(data: bytes, told: Pairs, listed: bool) -> None:
    """Compared as the lenient parser reads it; `repr`, as a member may be no number at all."""
    again = members(splice(data, "new:model", listed=listed))
    rest = [pair for pair in told if pair[0] not in (("model", "models") if listed else ("model",))]
    assert again is not None
    assert [value for key, value in again if key == "model"] == ["new:model"]
    assert repr([pair for pair in again if pair[0] != "model"]) == repr(rest)
    if listed:
        blanked = blank(data)
        assert len(blanked) == len(data)
        assert repr(members(blanked)) == repr([pair for pair in told if pair[0] != "models"])


def _scanned(data: bytes, pieces: list[bytes], strict: bool) -> Any:
    scanner = Scanner(strict=strict)
    try:
        for piece in pieces:
            scanner.feed(piece)
    except InvalidBody:
        return None
    if not scanner.complete:
        return None
    sent = b"".join((*scanner.pieces, scanner.held))
    assert len(sent) == len(data)
    if scanner.model_at >= 0:
        assert scanner.pieces[scanner.model_at][:1] == b'"'
    return scanner.model, scanner.models, scanner.listed, scanner.stream


def _grown(data: bytes, chance: Random, strict: bool, told: Pairs | None) -> None:
    """A body on its way up: what goes up names the model that was checked, once, and no `models`."""
    growing = Growing(len(data), strict=strict)
    pieces = cut(data, chance) or [b""]
    taken = None
    try:
        for number, piece in enumerate(pieces, 1):
            taken = growing.feed(piece, number == len(pieces)) or taken
    except InvalidBody:
        return
    if taken is None or told is None:
        return
    seen = growing.seen if isinstance(taken.body, GrowingBody) else taken.peeked
    _same_names(told, seen.model, seen.models if seen.listed else None)


def form(data: bytes, chance: Random) -> None:
    """Only InvalidBody; no byte lost, and the same model in any slicing."""
    outcomes = [_form(pieces) for pieces in ([data], cut(data, chance))]
    assert outcomes[0] == outcomes[1] or None in outcomes
    if None in outcomes:
        # What is refused in one slicing may have had its model read before in another, but never two of them.
        assert outcomes[0] is None or not outcomes[0][2] or outcomes[1] is None


def _form(pieces: list[bytes]) -> Any:
    scanner = FormScanner(b"b")
    try:
        for piece in pieces:
            scanner.feed(piece)
    except InvalidBody:
        return None
    whole = b"".join(pieces)
    assert b"".join((*scanner.pieces, scanner.held)) == whole
    if scanner.model is not None:
        assert scanner.pieces[scanner.model_at].decode() == scanner.model
    return scanner.model, scanner.stream, scanner.complete


def coded(data: bytes, chance: Random) -> None:
    """Only InflateError; the same plain bytes in any slicing, up to where they go wrong."""
    name, _, body = data.partition(b":")
    encoding = name[:40].decode("latin-1")
    outcomes = [_inflated(encoding, pieces) for pieces in ([body], cut(body, chance))]
    if outcomes[0] is not None and outcomes[1] is not None:
        assert outcomes[0] == outcomes[1]


def _inflated(encoding: str, pieces: list[bytes]) -> tuple[bytes, bool] | None:
    undo = inflater(encoding)
    if undo is None:
        return None
    try:
        plain = b"".join([undo.feed(piece) for piece in pieces])
    except InflateError:
        return None
    return plain, undo.complete


def chunks(data: bytes, chance: Random) -> None:
    """Only BadChunkError; the same bytes, end and rest in any slicing; read again, nothing is remembered wrongly."""
    outcomes = [_unchunked(pieces) for pieces in ([data], cut(data, chance), [data])]
    assert outcomes[0] == outcomes[1] == outcomes[2]


def _unchunked(pieces: list[bytes]) -> tuple[bytes, bool, bytes] | None:
    body = Chunks()
    plain: list[bytes] = []
    waiting = list(pieces)
    try:
        while waiting and not body.complete:
            plain.append(body.feed(waiting.pop(0)))
    except BadChunkError:
        return None
    return b"".join(plain), body.complete, body.rest + b"".join(waiting) if body.complete else b""

"""OpenAI's image and audio surfaces, forms and binary answers included."""

import base64
import hashlib
import time
import zlib
from collections.abc import Iterator

import orjson

from .chat import broken
from .errors import Refused
from .openai_input import need
from .reply import EVENT_STREAM, Call, Event, Json, Kind, Reply, sse
from .script import Ask, tokens, write

_MOST_IMAGES = 10
_AUDIO_BYTES = 4096
_AUDIO_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "application/octet-stream",
}
_PIECE_BYTES = 1024


def generate_image(call: Call) -> Reply:
    """Images for a prompt: `n` of them, or a stream of one. Raises Refused (400) without a prompt."""
    need(call.body, "prompt")
    return _images(call, "image_generation")


def edit_image(call: Call) -> Reply:
    """Images from an image and a prompt, sent as a form. Raises Refused (400) when either is missing."""
    need(call.body, "prompt")
    if "image" not in call.files and "image[]" not in call.files and "images" not in call.body:
        raise Refused(400, "Missing required parameter: 'image'.", "missing_required_parameter", "image")
    return _images(call, "image_edit")


def speak(call: Call) -> Reply:
    """Sound for a text: bytes that begin with the text itself, or events when `stream_format` is `sse`.

    Raises Refused (400) when model, input or voice are missing.
    """
    need(call.body, "model", "input", "voice")
    sound = _sound(call.body["input"], call.faults.size or _AUDIO_BYTES)
    if call.body.get("stream_format") == "sse":
        events = _speech_events(sound, call.body["input"])
        return Reply(events=events, content_type=EVENT_STREAM, broken=broken)
    kind = _AUDIO_TYPES.get(call.body.get("response_format", "mp3"), "application/octet-stream")
    return Reply(events=_slices(sound), content_type=kind)


def transcribe(call: Call) -> Reply:
    """What was heard: the upload's name and length, and the prompt. Raises Refused (400) without a file."""
    need(call.body, "model")
    if not call.files.get("file"):
        raise Refused(400, "Missing required parameter: 'file'.", "missing_required_parameter", "file")
    name, content = call.files["file"][0]
    heard = f"{name}, {len(content)} bytes. {call.body.get('prompt', '')}".strip()
    script = write(Ask(text=heard, weight=len(content)), call.faults)
    if call.streamed:
        usage = _audio_usage(script.usage.input, script.usage.output)
        return Reply(events=_transcript_events(script.pieces, usage), content_type=EVENT_STREAM, broken=broken)
    return _transcript(call.body.get("response_format", "json"), script.text, script.usage.input, script.usage.output)


def _images(call: Call, kind: str) -> Reply:
    prompt = call.body["prompt"]
    count = max(1, min(int(call.body.get("n") or 1), _MOST_IMAGES))
    created, read = int(time.time()), tokens(prompt)
    usage = {
        "input_tokens": read,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": read},
        "output_tokens": 100 * count,
        "total_tokens": read + 100 * count,
    }
    pictures = [_picture(f"{prompt}#{number}") for number in range(count)]
    if call.streamed:
        return Reply(events=_image_events(kind, pictures[0], created, usage), content_type=EVENT_STREAM, broken=broken)
    if call.body.get("response_format") == "url":
        data = [{"url": f"data:image/png;base64,{picture}", "revised_prompt": prompt} for picture in pictures]
    else:
        data = [{"b64_json": picture, "revised_prompt": prompt} for picture in pictures]
    return Reply(body=orjson.dumps({"created": created, "data": data, "usage": usage}))


def _image_events(kind: str, picture: str, created: int, usage: Json) -> Iterator[Event]:
    shape = {"size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png"}
    common = {"b64_json": picture, "created_at": created, **shape}
    partial: Json = {"type": f"{kind}.partial_image", **common, "partial_image_index": 0}
    done: Json = {"type": f"{kind}.completed", **common, "usage": usage}
    yield Event(sse(orjson.dumps(partial), partial["type"]))
    yield Event(sse(orjson.dumps(done), done["type"]), Kind.END)


def _picture(seed: str) -> str:
    """A PNG of one pixel whose colour follows from the seed, in base64 (W3C PNG, section 5)."""
    colour = hashlib.sha256(seed.encode()).digest()[:3]
    header = b"\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00"
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\x00" + colour)), (b"IEND", b""))
    image = b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big") for name, data in chunks
    )
    return base64.b64encode(image).decode()


def _sound(text: str, length: int) -> bytes:
    """`length` bytes, no real sound: a mark, the text, then noise that follows from it."""
    head = b"ID3" + text.encode()
    return (head + hashlib.shake_128(text.encode()).digest(max(0, length - len(head))))[:length]


def _slices(content: bytes) -> Iterator[Event]:
    for start in range(0, len(content), _PIECE_BYTES):
        yield Event(content[start : start + _PIECE_BYTES])


def _speech_events(sound: bytes, text: str) -> Iterator[Event]:
    for piece in _slices(sound):
        payload = {"type": "speech.audio.delta", "audio": base64.b64encode(piece.data).decode()}
        yield Event(sse(orjson.dumps(payload)))
    usage = {"input_tokens": tokens(text), "output_tokens": 100, "total_tokens": tokens(text) + 100}
    yield Event(sse(orjson.dumps({"type": "speech.audio.done", "usage": usage})), Kind.END)


def _audio_usage(read: int, written: int) -> Json:
    details = {"text_tokens": 0, "audio_tokens": read}
    counts = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
    return {"type": "tokens", "input_token_details": details, **counts}


def _transcript(format_: str, text: str, read: int, written: int) -> Reply:
    if format_ == "text":
        return Reply(body=text.encode() + b"\n", content_type="text/plain; charset=utf-8")
    if format_ == "srt":
        return Reply(
            body=f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n".encode(),
            content_type="text/plain; charset=utf-8",
        )
    if format_ == "vtt":
        lines = f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n\n"
        return Reply(body=lines.encode(), content_type="text/plain; charset=utf-8")
    if format_ == "verbose_json":
        body = {"task": "transcribe", "language": "english", "duration": 1.0, "text": text, "segments": []}
        return Reply(body=orjson.dumps({**body, "usage": {"type": "duration", "seconds": 1}}))
    return Reply(body=orjson.dumps({"text": text, "usage": _audio_usage(read, written)}))


def _transcript_events(pieces: tuple[str, ...], usage: Json) -> Iterator[Event]:
    for piece in pieces:
        yield Event(sse(orjson.dumps({"type": "transcript.text.delta", "delta": piece})))
    done = {"type": "transcript.text.done", "text": "".join(pieces), "usage": usage}
    yield Event(sse(orjson.dumps(done)), Kind.END)

"""OpenAI's image and audio surfaces."""

import base64
from typing import Any

import aiohttp
import orjson
import pytest

from aigw.sandbox.server import Running

from .raw import ask


def _form(**fields: str) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in fields.items():
        form.add_field(name, value)
    form.add_field("file", b"RIFF\x00\r\n", filename="a.wav", content_type="audio/wav")
    return form


def _types(body: bytes) -> list[str]:
    return [orjson.loads(line.split(b"data: ")[1])["type"] for line in body.split(b"\n\n")[:-1]]


async def test_images_are_pngs_that_follow_from_the_prompt(client: aiohttp.ClientSession) -> None:
    """As many images as asked, each a PNG, the same for the same prompt."""
    body: dict[str, Any] = {"model": "sandbox-image", "prompt": "a cat", "n": 2}
    async with client.post("/v1/images/generations", json=body) as first:
        one = await first.json()
    async with client.post("/v1/images/generations", json=body) as second:
        assert (await second.json())["data"] == one["data"]
    pictures = [base64.b64decode(picture["b64_json"]) for picture in one["data"]]
    assert len(pictures) == len(set(pictures)) == 2
    assert all(picture.startswith(b"\x89PNG\r\n\x1a\n") for picture in pictures)


async def test_images_come_as_urls_or_events_on_demand(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """`response_format: url` links the image; a stream sends a partial one first."""
    body: dict[str, Any] = {"model": "sandbox-image", "prompt": "a cat"}
    async with client.post("/v1/images/generations", json={**body, "response_format": "url"}) as answer:
        assert (await answer.json())["data"][0]["url"].startswith("data:image/png;base64,")
    streamed = await ask(sandbox.port, "/v1/images/generations", {**body, "stream": True})
    assert _types(streamed.body) == ["image_generation.partial_image", "image_generation.completed"]


async def test_an_edit_takes_a_form(client: aiohttp.ClientSession) -> None:
    """An image and a prompt in a form give an image; faults in the model's name work there too."""
    form = aiohttp.FormData()
    form.add_field("model", "sandbox-image")
    form.add_field("prompt", "a dog")
    form.add_field("image[]", b"\x89PNG", filename="a.png", content_type="image/png")
    async with client.post("/v1/images/edits", data=form) as answer:
        assert (await answer.json())["data"][0]["b64_json"]


async def test_speech_is_binary(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """Speech is bytes of the type asked for that begin with the text, as many as asked."""
    body = {"model": "sandbox-audio!size=5000", "input": "canary", "voice": "alloy", "response_format": "wav"}
    async with client.post("/v1/audio/speech", json=body) as answer:
        sound = await answer.read()
        assert answer.content_type == "audio/wav"
    assert (len(sound), sound[:9]) == (5000, b"ID3canary")


async def test_speech_as_events(sandbox: Running) -> None:
    """`stream_format: sse` sends the sound in deltas and closes with its usage."""
    body = {"model": "sandbox-audio", "input": "canary", "voice": "alloy", "stream_format": "sse"}
    answer = await ask(sandbox.port, "/v1/audio/speech", body)
    assert set(_types(answer.body)[:-1]) == {"speech.audio.delta"}
    assert _types(answer.body)[-1] == "speech.audio.done"


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations"])
async def test_a_transcription_tells_what_was_uploaded(client: aiohttp.ClientSession, path: str) -> None:
    """The text names the file and its length, to the byte, and the prompt."""
    async with client.post(path, data=_form(model="sandbox-audio", prompt="canary")) as answer:
        assert (await answer.json())["text"] == "You said: a.wav, 7 bytes. canary"


@pytest.mark.parametrize(
    ("format_", "start"),
    [
        ("text", "You said: a.wav"),
        ("srt", "1\n00:00"),
        ("vtt", "WEBVTT\n"),
        ("verbose_json", '{"task":"transcribe"'),
    ],
)
async def test_transcriptions_in_other_formats(client: aiohttp.ClientSession, format_: str, start: str) -> None:
    """Each format the API has can be asked for."""
    form = _form(model="sandbox-audio", response_format=format_)
    async with client.post("/v1/audio/transcriptions", data=form) as answer:
        assert (await answer.text()).startswith(start)


async def test_a_transcription_streams(client: aiohttp.ClientSession) -> None:
    """A form's `stream` field streams the text and closes with all of it."""
    async with client.post("/v1/audio/transcriptions", data=_form(model="m", stream="true")) as answer:
        body = await answer.read()
    assert _types(body)[-1] == "transcript.text.done"
    assert set(_types(body)[:-1]) == {"transcript.text.delta"}

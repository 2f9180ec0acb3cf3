"""The gateway at work, for people to watch: four formats streamed by the real SDKs, translation, failover, errors.

Starts a gateway and a simulated provider on free loopback ports with a temporary directory, and stops them at the
end. Each part checks what it shows; the first thing that is not so ends the demo with exit code 1.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

try:
    import anthropic
    import openai
    from google import genai
    from google.genai import errors as genai_errors
    from google.genai import types as genai_types
except ImportError as missing:
    sys.exit(f"demo: {missing.name} is missing; run scripts/install --dev")

ROOT = Path(__file__).resolve().parents[1]
KEY = "aigw-demo-0123456789abcdef"
# Slow enough to be watched, in milliseconds between two pieces.
PACE = 60
QUESTION = "streams should arrive as they are spoken"
TURN: Any = [{"role": "user", "content": QUESTION}]
START_SECONDS = 20.0
WIDTH = 40

# The sandbox answers a key named after a status with that status, so these two have to be failed over.
CONFIG = """
[server]
listen = "127.0.0.1:0"
control = "off"
data_dir = "{folder}/data"
[[access_keys]]
name = "demo"
key = "{key}"
[providers.first]
name = "A provider in trouble"
base_url = "{sandbox}/v1"
surfaces = ["chat-completions", "messages"]
models = ["troubled"]
keys = ["sk-fail-429-rate-limited", "sk-fail-503-overloaded"]
[providers.second]
name = "A provider in good health"
base_url = "{sandbox}/v1"
surfaces = ["chat-completions", "responses", "messages", "gemini"]
surface_urls = {{ gemini = "{sandbox}/v1beta" }}
models = ["sandbox-small"]
keys = ["sk-sandbox-0123456789"]
[providers.third]
name = "A provider that speaks one format"
base_url = "{sandbox}/v1"
surfaces = ["messages"]
models = ["single-minded"]
keys = ["sk-sandbox-0123456789"]
"""


class DemoError(Exception):
    """Something was not as it should be; the message says what."""


def check(true: object, what: str) -> None:
    """Stop the demo unless this is so."""
    if not true:
        raise DemoError(what)


@attrs.define
class Stage:
    """What the acts play on: where the gateway is, and the lines of its log so far."""

    base_url: str
    log: list[dict[str, Any]] = attrs.field(factory=list)

    def openai(self) -> openai.AsyncOpenAI:
        """OpenAI's client, as an app would set it up."""
        return openai.AsyncOpenAI(base_url=f"{self.base_url}/v1", api_key=KEY, max_retries=0)

    def anthropic(self) -> anthropic.AsyncAnthropic:
        """Anthropic's client."""
        return anthropic.AsyncAnthropic(base_url=self.base_url, api_key=KEY, max_retries=0)

    @asynccontextmanager
    async def google(self) -> AsyncIterator[Any]:
        """Google's client."""
        client = genai.Client(api_key=KEY, http_options=genai_types.HttpOptions(base_url=self.base_url))
        try:
            yield client.aio
        finally:
            await client.aio.aclose()
            client.close()

    async def logged(self, request_id: str) -> dict[str, Any]:
        """The log's line of a request; lines are written in batches, so it may take a moment."""
        for _ in range(100):
            for line in self.log:
                if line.get("request_id") == request_id:
                    return line
            await asyncio.sleep(0.05)
        raise DemoError(f"no line of {request_id} came to the log")


def title(text: str) -> None:
    """A heading."""
    print(f"\n{text}\n{'─' * len(text)}", flush=True)


async def told(name: str, speak: Callable[[str], AsyncIterator[str]], provider: str = "second") -> None:
    """Print pieces as they arrive, and check that they are the whole answer, in more than one piece."""
    # The SDKs build their types at the first answer, which takes them longer than the answer; this one is not shown.
    async for _ in speak(f"{provider}:sandbox-small"):
        pass
    print(f"  {name:<{WIDTH}}", end="", flush=True)
    began = time.monotonic()
    times, said = [], ""
    async for piece in speak(f"{provider}:sandbox-small!delay={PACE}"):
        times.append(time.monotonic() - began)
        said += piece
        print(piece, end="·", flush=True)
    print(f"  {len(times)} pieces, from {times[0]:.2f} s to {times[-1]:.2f} s")
    check(said == f"You said: {QUESTION}", f"{name}: the answer was {said!r}")
    check(len(times) > 3, f"{name}: the answer came in {len(times)} pieces")


async def chat(client: openai.AsyncOpenAI, model: str) -> AsyncIterator[str]:
    """The pieces of a chat completion."""
    async for chunk in await client.chat.completions.create(model=model, messages=TURN, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content


async def responses(client: openai.AsyncOpenAI, model: str) -> AsyncIterator[str]:
    """The pieces of a response."""
    async for event in await client.responses.create(model=model, input=QUESTION, stream=True):
        if event.type == "response.output_text.delta":
            yield event.delta


async def messages(client: anthropic.AsyncAnthropic, model: str) -> AsyncIterator[str]:
    """The pieces of a message."""
    async with client.messages.stream(model=model, max_tokens=100, messages=TURN) as events:
        async for text in events.text_stream:
            yield text


async def generated(client: Any, model: str) -> AsyncIterator[str]:
    """The pieces of Gemini's content."""
    async for chunk in await client.models.generate_content_stream(model=model, contents=QUESTION):
        if chunk.text:
            yield chunk.text


async def four_formats(stage: Stage) -> None:
    """One streamed request through each SDK."""
    title("One gateway, four formats: answers arrive piece by piece")
    async with stage.openai() as client:
        await told(f"OpenAI chat (openai {version('openai')})", partial(chat, client))
        await told(f"OpenAI responses (openai {version('openai')})", partial(responses, client))
    async with stage.anthropic() as claude:
        await told(f"Anthropic messages (anthropic {version('anthropic')})", partial(messages, claude))
    async with stage.google() as gemini:
        await told(f"Google Gemini (google-genai {version('google-genai')})", partial(generated, gemini))


async def translation(stage: Stage) -> None:
    """A provider that speaks Anthropic's format alone, asked in the three others; and what that could not carry."""
    title("Translation: a provider that only speaks Anthropic's format, asked in the others")
    async with stage.openai() as client:
        await told("OpenAI chat", partial(chat, client), "third")
        await told("OpenAI responses", partial(responses, client), "third")
        raw = await client.chat.completions.with_raw_response.create(model="single-minded", messages=TURN, seed=7)
    async with stage.google() as gemini:
        await told("Google Gemini", partial(generated, gemini), "third")
    print(f"  {'what it has no word for: x-aigw-loss':<{WIDTH}}{raw.headers['x-aigw-loss']}")
    check(raw.headers["x-aigw-loss"] == "/seed;dropped", "the loss was not told")


async def failover(stage: Stage) -> None:
    """Two keys of the first provider fail, the second provider answers; the caller sees one answer."""
    title("Failover: the first provider is rate limited and overloaded, the second one answers")
    async with stage.openai() as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="troubled",
            messages=TURN,
            extra_body={"models": ["second:sandbox-small"]},
        )
    answer = raw.parse()
    print(f"  {'the answer':<{WIDTH}}{answer.choices[0].message.content}")
    for name in ("x-aigw-provider", "x-aigw-attempts"):
        print(f"  {name:<{WIDTH}}{raw.headers[name]}")
    line = await stage.logged(raw.headers["x-request-id"])
    for number, tried in enumerate(line["tried"], 1):
        outcome = tried["reason"] or "answered"
        label = f"log: attempt {number}"
        print(f"  {label:<{WIDTH}}{tried['provider']:<7} key {tried['key']}  {tried['status']}  {outcome}")
    check(raw.headers["x-aigw-attempts"] == "3", "there were not three attempts")
    check([tried["status"] for tried in line["tried"]] == [429, 503, 200], "the log tells of other attempts")


async def errors(stage: Stage) -> None:
    """The same mistake, in the words and the exception of each SDK."""
    title("Errors come in the caller's own format")
    async with stage.openai() as client:
        await raised(openai.NotFoundError, client.chat.completions.create(model="gpt-5-turbo-max", messages=TURN))
    async with stage.anthropic() as claude:
        asked = claude.messages.create(model="claude-99", max_tokens=9, messages=TURN)
        await raised(anthropic.NotFoundError, asked)
    async with stage.google() as gemini:
        asked = gemini.models.generate_content(model="gemini-zero", contents=QUESTION)
        await raised(genai_errors.ClientError, asked)


async def raised(kind: type[Exception], asked: Awaitable[Any]) -> None:
    """Show what the SDK raises, and check its kind."""
    try:
        await asked
    except kind as error:
        print(f"  {kind.__module__.partition('.')[0]}.{kind.__name__}: {str(error)[:120]}…")
        return
    raise DemoError(f"{kind.__name__} was not raised")


async def broken(stage: Stage) -> None:
    """An answer that stops midway raises; it never looks complete."""
    title("A stream that breaks is an error, never a short answer")
    heard = ""
    async with stage.openai() as client:
        try:
            async for chunk in await client.chat.completions.create(
                model="second:sandbox-small!cut-events=4c",
                messages=TURN,
                stream=True,
            ):
                heard += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        except openai.APIError as error:
            print(f"  {heard}  ⟶  openai.{type(error).__name__}: {error}")
            return
    raise DemoError("the broken stream ended as if it were complete")


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the product; ended with SIGTERM, and it has to end well."""
    # Nothing of the user's own settings and keys may take part.
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aigw", *arguments, env=environ, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
    check(process.returncode == 0, f"aigw {arguments[0]} ended with exit code {process.returncode}")


async def first_line(process: asyncio.subprocess.Process) -> str:
    """What a process says when it is ready. Raises DemoError when it does not get there."""
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        line = await process.stdout.readline()
    check(line, "a process did not start; see its message above")
    return line.decode()


async def follow(process: asyncio.subprocess.Process, stage: Stage) -> None:
    """Keep the gateway's log, line by line."""
    assert process.stdout is not None
    async for line in process.stdout:
        stage.log.append(json.loads(line))


def configured(folder: str, sandbox: str) -> str:
    """The path of the gateway's configuration, written to a folder."""
    path = Path(folder, "aigw.toml")
    path.write_text(CONFIG.format(folder=folder, key=KEY, sandbox=sandbox))
    return str(path)


async def play() -> None:
    """The whole demo."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aigw-demo-") as folder:
        async with started("sandbox", "--listen", "127.0.0.1:0") as sandbox:
            address = (await first_line(sandbox)).split()[3]
            async with started("serve", "--config", configured(folder, address)) as gateway:
                stage = Stage(json.loads(await first_line(gateway))["listen"])
                print(f"A gateway on {stage.base_url}, a simulated provider on {address}.")
                following = asyncio.create_task(follow(gateway, stage))
                for act in (four_formats, translation, failover, errors, broken):
                    await act(stage)
                following.cancel()
    print(f"\nAll went well, in {time.monotonic() - began:.1f} s. Everything is stopped; nothing is left behind.")


def main() -> int:
    """Run the demo; 0 when all went well."""
    try:
        asyncio.run(play())
    except (DemoError, openai.OpenAIError, anthropic.AnthropicError, genai_errors.APIError, OSError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

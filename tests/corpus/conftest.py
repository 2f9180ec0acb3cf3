"""The corpus of recorded traffic, its replayer as a process, and a gateway in front of it."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import define, frozen

from aigw.observe.record import Record

_ROOT = Path(__file__).parents[2]
_SHARED = Path(os.environ.get("AIGW_SHARED", _ROOT.parent / "shared"))
_START_SECONDS = 20.0
_ANSWER_SECONDS = 60.0

# Sizes of the pieces an answer comes in, as providers of the gateway's configuration: `c7:MODEL`.
CHUNKS = (1, 2, 3, 5, 7, 13, 61, 509)
_SURFACES = ("chat-completions", "responses", "messages", "count-tokens", "gemini", "completions", "embeddings")
# The path of each surface of the corpus on the data plane; Gemini's comes with the case.
PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "openai-completions": "/v1/completions",
    "openai-embeddings": "/v1/embeddings",
    "anthropic-messages": "/v1/messages",
    "anthropic-count-tokens": "/v1/messages/count_tokens",
    "gemini-generateContent": "",
    "gemini-countTokens": "",
    "gemini-embed": "",
}
_GEMINI_VERB = re.compile(r":(\w+)(\?.*)?$")


@frozen
class Case:
    """One recorded exchange: what was asked, and the answer as the provider gave it."""

    name: str
    surface: str
    status: int
    stream: bool
    request: bytes
    answer: bytes
    content_type: str
    verb: str
    query: str
    expect: Any

    @property
    def fails_at_once(self) -> bool:
        """Whether it is a stream that ends in an error before it has said anything."""
        said = self.expect.get("text") or self.expect.get("tool_calls") or self.expect.get("reasoning")
        return self.stream and "error" in self.expect and not said

    @property
    def fails_midway(self) -> bool:
        """Whether it is a stream that reports an error after it has said something."""
        return self.stream and "error" in self.expect and not self.fails_at_once

    def path(self, model: str) -> str:
        """The path and query on the data plane for a model's name."""
        if not self.verb:
            return PATHS[self.surface] + self.query
        return f"/v1beta/models/{model}:{self.verb}{self.query}"


@define(eq=False)
class Front:
    """A running gateway whose providers are the replayer, with the records of its requests."""

    gate: Any
    replay_log: Path
    client: aiohttp.ClientSession

    async def records(self, number: int) -> dict[str, Record]:
        """The records of the requests so far, by request id, once there are so many."""
        await self.gate.record(number)
        return {record.request_id: record for record in self.gate.records}

    def arrived(self) -> dict[str, Any]:
        """What the replayer was asked, by the mark that each request carried."""
        lines = map(json.loads, self.replay_log.read_text().splitlines())
        return {line["headers"]["x-corpus-mark"]: line for line in lines}


def _load(corpus: Path, entry: Any) -> Case:
    folder = corpus / entry["case"]
    meta = json.loads((folder / "meta.json").read_text())
    kept = meta["response"]
    verb, query = "", ""
    if entry["surface"].startswith("gemini"):
        found = _GEMINI_VERB.search(meta["request"]["path"])
        assert found is not None, entry["case"]
        verb, query = found[1], found[2] or ""
    sse = kept["file"].endswith(".sse")
    expect = folder / "expect.json"
    return Case(
        name=entry["case"].rsplit("/", 1)[1],
        surface=entry["surface"],
        status=meta["status"],
        stream=sse,
        request=(folder / "request.json").read_bytes(),
        answer=(folder / kept["file"]).read_bytes(),
        # What the replayer says where the source kept no type.
        content_type=kept.get("headers", {}).get(
            "content-type", "text/event-stream; charset=utf-8" if sse else "application/json"
        ),
        verb=verb,
        query=query,
        expect=json.loads(expect.read_text()) if expect.exists() else {},
    )


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of recorded traffic; skips where it is not at hand."""
    folder = _SHARED / "corpus"
    if not (folder / "index.json").exists() or not (_SHARED / "upstreams" / "replay.py").exists():
        pytest.skip(f"no recorded traffic in {_SHARED}: set AIGW_SHARED to the folder that has corpus and upstreams")
    return folder


@pytest.fixture(scope="session")
def cases(corpus: Path) -> list[Case]:
    """All cases of surfaces that the data plane serves."""
    index = json.loads((corpus / "index.json").read_text())["cases"]
    return [_load(corpus, entry) for entry in index if entry["surface"] in PATHS]


@pytest.fixture(scope="session")
def replay(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The replayer's port and its log of requests."""
    log = tmp_path_factory.mktemp("replay") / "requests.jsonl"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = _SHARED / "upstreams" / "replay.py"
    command = [sys.executable, str(script), "--port", str(port), "--corpus", str(corpus), "--log", str(log)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("replay on")
        _await_port(port)
        yield port, log
    finally:
        process.terminate()
        process.communicate()


def _await_port(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError("the replayer does not listen")


def _provider(port: int, options: str, models: Iterable[str] = ()) -> dict[str, Any]:
    base = f"http://127.0.0.1:{port}/m/{options}"
    urls = {"base_url": f"{base}/v1", "surface_urls": (("gemini", f"{base}/v1beta"),)}
    return {**urls, "surfaces": _SURFACES, "models": tuple(models)}


@pytest.fixture
async def front(gateway: Any, replay: tuple[int, Path], cases: list[Case]) -> AsyncIterator[Front]:
    """A gateway: bare names are whole answers, `cN:` ones in pieces of N bytes, `nolen:` and `close:` framings."""
    port, log = replay
    providers = {f"c{size}": _provider(port, f"chunk={size}") for size in CHUNKS}
    providers |= {name: _provider(port, f"{name},chunk=100") for name in ("nolen", "close")}
    providers["whole"] = _provider(port, "whole", (case.name for case in cases))
    gate = await gateway(providers=providers)
    log.write_text("")
    headers = {"authorization": f"Bearer {gate.token}", "content-type": "application/json"}
    connector = aiohttp.TCPConnector(limit=16)
    patience = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    async with aiohttp.ClientSession(
        gate.base_url, headers=headers, connector=connector, auto_decompress=False, timeout=patience
    ) as client:
        yield Front(gate, log, client)

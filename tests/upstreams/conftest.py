"""llama.cpp's server, if there is one: an upstream with three conversation formats that nobody here wrote."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

KEY = "sk-llama-0123456789"
_SERVER, _MODEL, _TOOLS = "AIGW_TEST_LLAMA_SERVER", "AIGW_TEST_LLAMA_MODEL", "AIGW_TEST_LLAMA_MODEL_TOOLS"
_START_SECONDS = 30.0
# Every request is sampled alike, whatever was asked before: not all formats have a word for a seed.
_ALIKE = ("--seed", "3", "--no-cache-prompt", "--cache-ram", "0", "-np", "1", "-t", "1")


@attrs.frozen
class Llama:
    """A running server: `base_url` ends in `/v1`."""

    base_url: str

    def ask(self, path: str, body: bytes) -> bytes:
        """One answer of its own. Raises urllib.error.HTTPError."""
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        request = urllib.request.Request(self.base_url + path.removeprefix("/v1"), body, headers)
        with urllib.request.urlopen(request) as answer:
            said: bytes = answer.read()
        return said


def _running(variable: str, output: Path) -> Iterator[Llama]:
    binary, model = os.environ.get(_SERVER), os.environ.get(variable)
    if not (binary and model):
        pytest.skip(f"{_SERVER} and {variable} do not say where llama-server and a model are")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    where = ("--host", "127.0.0.1", "--port", str(port), "--api-key", KEY)
    command = (binary, "-m", model, "--alias", "tiny", *where, "-c", "8192", "--jinja", *_ALIKE)
    with output.open("wb") as told, subprocess.Popen(command, stdout=told, stderr=told) as process:
        try:
            _await(process, f"http://127.0.0.1:{port}/health", output)
            yield Llama(f"http://127.0.0.1:{port}/v1")
        finally:
            process.terminate()


def _await(process: subprocess.Popen[Any], url: str, output: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url):
                return
        except (OSError, urllib.error.HTTPError):
            assert process.poll() is None, output.read_text()[-2000:]
            assert time.monotonic() < until, output.read_text()[-2000:]
            time.sleep(0.02)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """One that talks."""
    yield from _running(_MODEL, tmp_path_factory.mktemp("llama") / "output")


@pytest.fixture(scope="module")
def tool_llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """One that calls tools."""
    yield from _running(_TOOLS, tmp_path_factory.mktemp("llama") / "output")

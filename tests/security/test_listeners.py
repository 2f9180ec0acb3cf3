"""Two listeners: what apps call and what operators call are never on the same one; and no request runs a program."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from aigw.front.routes import DOCUMENTED

from ..support.caller import HELLO, connect, request
from ..support.gate import TOKEN, OpenGate, eventually
from .test_targets import named

# What Python reports before it runs another program (PEP 578); `exec` and `compile` are code out of data.
_PROGRAMS = (
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.Popen",
    "pty.spawn",
)
_CODE = ("exec", "compile")


class Auditor:
    """Hears what Python is about to do while it is `listening`; a hook cannot be taken out again."""

    def __init__(self) -> None:
        self.listening = False
        self.heard: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """One event."""
        if not self.listening:
            return
        if event in _PROGRAMS or (event in _CODE and "<string>" in map(str, arguments)):
            self.heard.append(event)


@pytest.fixture(scope="module")
def auditor() -> Auditor:
    """One for all tests here."""
    return Auditor()


@pytest.mark.parametrize(("method", "path"), DOCUMENTED)
async def test_operators_do_not_serve_apps(gateway: OpenGate, method: str, path: str) -> None:
    """No route of the data plane is on the control listener, with or without a key."""
    gate = await gateway()
    for token in (TOKEN, None):
        caller = await connect(gate.control_port, "")
        caller.send(request({} if method == "POST" else None, named(path), method=method, token=token))
        assert (await caller.answer()).status in (404, 405)
        caller.leave()
    assert not gate.sandbox.requests


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
async def test_apps_do_not_reach_operators(gateway: OpenGate, method: str, path: str) -> None:
    """No route of the control listener is on the data plane, with or without a key."""
    gate = await gateway()
    for token in (TOKEN, ""):
        answer = await gate.ask(None, path, method=method, token=token)
        assert answer.status == (404 if token else 401)


async def test_no_request_starts_a_program(gateway: OpenGate, auditor: Auditor) -> None:
    """Neither a route nor a failure nor anything in a body runs a program or code that came as data."""
    gate = await gateway()
    await gate.ask(HELLO)  # what is imported at the first use is compiled by then
    auditor.listening = True
    try:
        for method, path in DOCUMENTED:
            if "realtime" in path:
                continue
            tools = [{"type": "mcp", "command": "sh", "args": ["-c", "true"], "server_url": "stdio:sh"}]
            body = {
                **HELLO,
                "tools": tools,
                "mcp_servers": tools,
                "input": "{{ 7 * 7 }}",
                "contents": [],
                "max_tokens": 5,
            }
            await gate.ask(body if method == "POST" else None, named(path), method=method)
        for fault in ("!status=500", "!reset", "!cut-events=2", "!delay=1"):
            await gate.ask({**HELLO, "model": f"up:sandbox-small{fault}", "stream": True})
        await eventually(lambda: gate.idle)
    finally:
        auditor.listening = False
    assert auditor.heard == []

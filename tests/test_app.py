"""One process put together: what it opens, what it counts, and how it ends."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import trustme
from aiohttp import http_parser

from aigw import app
from aigw.adapter import Origin
from aigw.errors import ConfigError
from aigw.settings import Upstream
from aigw.settings.proxies import parse_proxy

from .support.caller import HELLO
from .support.gate import OpenGate, eventually

CATALOG_MODEL = "gpt-4o"


def test_the_pure_parser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without aiohttp's C parser there is no start, and the message says what to install."""
    app.require_c_parser()
    monkeypatch.setattr(http_parser, "HttpRequestParser", http_parser.HttpRequestParserPy)
    with pytest.raises(ConfigError, match="C parser is missing: install aiohttp from a wheel"):
        app.require_c_parser()


async def test_it_takes_requests_when_it_listens(gateway: OpenGate) -> None:
    """Ready from then on, and no more once it stops."""
    gate = await gateway()
    ready = [gate.process.ready]
    assert (await gate.ask(HELLO)).status == 200
    await gate.process.stop()
    assert [*ready, gate.process.ready] == [True, False]
    with pytest.raises(ConnectionRefusedError):
        await gate.caller()


async def test_what_is_counted(gateway: OpenGate) -> None:
    """A request, its attempt, what is in flight, and the connections to upstreams by what they do."""
    gate = await gateway()
    caller = await gate.caller()
    caller.ask({**HELLO, "model": "up:sandbox-small!stall", "stream": True})
    await caller.until(b"You")
    during = gate.process.read_metrics()
    assert [row["values"] for row in during["aigw_requests_in_flight"]] == [[1]]
    assert {row["labels"][0]: row["values"] for row in during["aigw_upstream_connections"]} == {
        "idle": [0],
        "active": [1],
    }
    caller.leave()
    await gate.record()
    after = gate.process.read_metrics()
    assert [row["values"] for row in after["aigw_requests_total"]] == [[1]]
    assert [row["values"] for row in after["aigw_requests_in_flight"]] == [[0]]
    assert b"aigw_requests_total{" in await gate.process.render_metrics()


@pytest.mark.parametrize(
    ("model", "label"), [("made-up-by-a-caller", "other"), (CATALOG_MODEL, CATALOG_MODEL), ("own-llama", "own-llama")]
)
async def test_names_that_callers_make_up_are_no_labels(gateway: OpenGate, model: str, label: str) -> None:
    """A model of the catalog or of the operator's has a series; all others share one."""
    gate = await gateway(providers={"up": {"keys": ["sk-up-0123456789abcdef"], "models": ("own-llama",)}})
    await gate.ask({**HELLO, "model": f"up:{model}"})
    await gate.record()
    assert [row["labels"][2] for row in gate.process.read_metrics()["aigw_requests_total"]] == [label]


async def test_a_log_that_is_off_costs_nothing(gateway: OpenGate) -> None:
    """Requests go to the metrics alone then."""
    off, on = await gateway(log={"level": "off"}), await gateway(log={"level": "error"})
    assert off.process.log.emit not in off.process.gateway._sinks
    assert on.process.log.emit in on.process.gateway._sinks


async def test_the_log_is_told_no_secret(gateway: OpenGate, capfd: pytest.CaptureFixture[str]) -> None:
    """Keys are hidden wherever they turn up; here in the name of a model that a caller asked for."""
    gate = await gateway(log={"level": "info"})
    await gate.ask({**HELLO, "model": f"up:{gate.token}"})
    await gate.record()
    gate.process.log.flush()
    assert '"event":"request"' in (told := capfd.readouterr().out)
    assert gate.token not in told


async def test_the_end_leaves_nothing(gateway: OpenGate) -> None:
    """No task and no descriptor of a process survives its stop: a second life costs no more than the first."""
    seen = []
    for _ in range(2):
        gate = await gateway()
        await gate.ask(HELLO)
        await gate.stop()
        await eventually(lambda: asyncio.all_tasks() == {asyncio.current_task()})
        seen.append(len(os.listdir("/proc/self/fd")))
    assert seen[0] == seen[1]


async def test_upstreams_are_reached_as_configured(tmp_path: Path) -> None:
    """Proxies by scheme and exception; the operator's authorities beside the system's."""
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    proxy = parse_proxy("http://127.0.0.1:3128")
    connector = app._pool(Upstream(https_proxy=proxy, no_proxy=(".example",), ca_file=authority))._connector
    assert connector.proxy_for(Origin("https", "api.openai.com", 443)) == proxy
    assert connector.proxy_for(Origin("http", "api.openai.com", 80)) is None
    assert connector.proxy_for(Origin("https", "a.example", 443)) is None
    own = {entry["subject"] for entry in connector.context.get_ca_certs()}
    assert len(own) > len({entry["subject"] for entry in app._pool(Upstream())._connector.context.get_ca_certs()})

"""The process's log: request lines, the application's own lines, and what never gets into either."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import attrs
import pytest
import structlog

import aigw
from aigw.observe import fields
from aigw.observe.log import FORMATS, LEVEL_OF, LEVELS, LogSink, configure
from aigw.observe.outlet import Outlet
from aigw.observe.record import BROKEN, FAILED, OK, OUTCOMES, REFUSED, UPSTREAM_ERROR, Record
from aigw.observe.scrub import Scrubber
from aigw.secret import Secret
from aigw.wire.losses import Loss
from aigw.wire.usage import Seen, Usage

CANARY = "canary-0123456789-provider-key"
PAGE = Path(aigw.__file__).parent.parent / "docs" / "reference" / "log.md"


def test_one_json_line_per_request(log: Any, record: Record) -> None:
    """A finished request is one line of JSON, time first."""
    sink = log.open()
    sink.emit(record)
    sink.emit(record)
    first, second = log.lines
    assert json.loads(first).items() >= {"event": "request", "request_id": "req_1", "status": 200}.items()
    assert list(json.loads(second))[:4] == ["time", "level", "event", "request_id"]


def test_every_outcome_has_a_level() -> None:
    """No outcome is forgotten when levels are given."""
    assert set(LEVEL_OF) == set(OUTCOMES)


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", [OK, REFUSED, UPSTREAM_ERROR, BROKEN, FAILED]),
        ("info", [OK, REFUSED, UPSTREAM_ERROR, BROKEN, FAILED]),
        ("warning", [UPSTREAM_ERROR, BROKEN, FAILED]),
        ("error", [FAILED]),
        ("off", []),
    ],
)
def test_levels(log: Any, record: Record, level: Any, shown: list[str]) -> None:
    """A level keeps what is worse: upstreams' failures are warnings, the gateway's own are errors."""
    sink = log.open(level=level)
    for outcome in (OK, REFUSED, UPSTREAM_ERROR, BROKEN, FAILED):
        record.outcome = outcome
        sink.emit(record)
    assert [json.loads(line)["outcome"] for line in log.lines] == shown


def test_off_costs_nothing(log: Any) -> None:
    """A log that is off does not even look at the record, and drops the application's lines too."""
    sink = log.open(level="off")
    never_looked_at: Any = object()
    sink.emit(never_looked_at)
    structlog.get_logger().critical("lost")
    logging.getLogger("library").critical("lost")
    assert log.text == ""
    assert sink.dropped == 0


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "text", ['x\n{"level":"error"}', "x\r\ny", "\x1b[31mred", "\x9b2J", "a\u2028b", "\udc80", "\u202e"]
)
def test_injection(log: Any, record: Record, format: Any, text: str) -> None:
    """Whatever callers and upstreams write, a request is one line, and no terminal acts on it."""
    sink = log.open(format)
    record.requested_model = record.model = record.provider = record.access_key_name = text
    record.request_id = record.error = text
    record.seen = Seen(None, text, text, text, text)
    record.losses = (Loss(text, "dropped", text),)
    record.attempts[0].reason = record.attempts[0].key_redacted = text
    sink.emit(record)
    structlog.get_logger().warning(text, value=text, values=[text], pairs={text: text}, **{"k\n": text})
    assert sink.dropped == 0
    assert len(log.lines) == 2
    assert all(line.isprintable() for line in log.lines)


@pytest.mark.parametrize("format", FORMATS)
def test_console_has_colours_only_when_asked(log: Any, record: Record, format: Any) -> None:
    """Escape sequences go to terminals only, and never into JSON."""
    sink = log.open(format, colours=True)
    sink.emit(record)
    assert ("\x1b[" in log.text) == (format == "console")


def test_console_line(log: Any, record: Record) -> None:
    """The console shows the same fields for people: empty ones are left out."""
    record.error = ""
    record.account_id = ""
    log.open("console").emit(record)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[info +\] request +request_id=req_1 .*"
        r"model=big-1 stream=True status=200 outcome=ok attempts=1 duration_ms=1250.0 .*\n",
        log.text,
    )
    assert "account_id" not in log.text


@pytest.mark.parametrize("format", FORMATS)
def test_no_secret_gets_in(log: Any, record: Record, format: Any) -> None:
    """A canary planted wherever a credential may turn up is in no line of requests, events or libraries."""
    sink = log.open(format)
    sink.guard(Scrubber([Secret(CANARY)]))
    record.requested_model = record.model = record.access_key_name = record.error = CANARY
    record.seen = Seen(Usage(), CANARY, CANARY, CANARY, CANARY)
    record.losses = (Loss(CANARY, "dropped", CANARY),)
    record.attempts[0].reason = f"upstream said {CANARY}"
    record.attempts[0].key_redacted = Secret(CANARY).redacted
    sink.emit(record)
    events = structlog.get_logger()
    events.info(f"started with {CANARY}", key=Secret(CANARY), url=f"https://x.example/?key={CANARY}")
    events.warning("nested", list=[CANARY], map={"k": {"deep": CANARY}, CANARY: 1}, tuple=(CANARY,))
    logging.getLogger("library").error("bad key %s", CANARY)
    try:
        raise ValueError(f"upstream said {CANARY}")
    except ValueError:
        events.exception("failed")
        logging.getLogger("library").exception("failed too")
    assert len(re.findall("redacted", log.text)) >= 10
    assert CANARY not in log.text


def test_an_accounts_secrets_are_kept_out_of_its_own_lines(log: Any, record: Record) -> None:
    """What an account keeps as a secret is not missing in lines about others, and is in none about itself."""
    sink = log.open()
    everybodys, own = Scrubber(), Scrubber([Secret(CANARY)])
    sink.guard(own, lambda account: own if account == "acct_1" else everybodys)
    record.error = CANARY
    for record.account_id in ("acct_1", "acct_2", ""):
        sink.emit(record)
    assert [CANARY in line for line in log.text.splitlines()] == [False, True, True]


def test_unknown_keys_are_scrubbed_without_a_guard(log: Any, record: Record) -> None:
    """Before anybody named the secrets, what looks like a key is taken out."""
    record.requested_model = "sk-ant-api03-0123456789abcdef"
    log.open().emit(record)
    assert json.loads(log.text)["requested_model"] == "[redacted]"


def test_what_cannot_be_written(log: Any, record: Record) -> None:
    """A record that is broken costs its line, counted and explained once, and never the request."""
    sink = log.open()
    broken: Any = record
    broken.attempts = None
    sink.emit(broken)
    broken.outcome = "unheard-of"
    sink.emit(broken)
    assert sink.dropped == 2
    (line,) = map(json.loads, log.lines)
    assert (line["event"], line["level"]) == ("log_line_failed", "error")
    assert "TypeError" in line["exception"]


def test_numbers_and_texts_beyond_json(log: Any, record: Record) -> None:
    """A number beyond 64 bits and text that is not Unicode still make a line that parses."""
    sink = log.open()
    record.bytes_out = 2**70
    record.surface = "x\udc80"
    sink.emit(record)
    structlog.get_logger().info("sum", number=2**70, ratio=0.5, flag=True, nothing=None)
    request, event = map(json.loads, log.lines)
    assert request["bytes_out"] == 2**70
    assert (event["number"], event["ratio"], event["flag"], event["nothing"]) == (2**70, 0.5, True, None)


@attrs.frozen
class Thing:
    """A value with a secret inside."""

    secret: Secret


def test_events(log: Any) -> None:
    """The application's lines are of the same kind: time, level and event first, values in JSON's types."""
    log.open()
    structlog.get_logger().info("started", listen="127.0.0.1:8080", ports={8080}, thing=Thing(Secret(CANARY)))
    event = json.loads(log.text)
    assert list(event) == ["time", "level", "event", "listen", "ports", "thing"]
    assert event["level"] == "info"
    assert event["ports"] == [8080]
    assert event["thing"] == "Thing(secret=***)"


def test_events_have_levels(log: Any) -> None:
    """Lines below the level are not written."""
    log.open(level="warning")
    events = structlog.get_logger()
    for name in ("debug", "info", "warning", "error", "critical"):
        getattr(events, name)("event")
    assert [json.loads(line)["level"] for line in log.lines] == ["warning", "error", "critical"]


def test_level_follows_a_new_configuration(log: Any) -> None:
    """Loggers made before a reload obey the new level."""
    events = structlog.get_logger()
    log.open(level="error").close()
    events.warning("lost")
    log.open(level="info")
    events.warning("found")
    assert [json.loads(line)["event"] for line in log.lines] == ["found"]


@pytest.mark.parametrize("format", FORMATS)
def test_tracebacks(log: Any, format: Any) -> None:
    """An exception is shown whole, and none of its lines can pass for a line of the log."""
    log.open(format)
    try:
        raise ValueError('first\n2026-01-01T00:00:00.000Z [info] request status=200\n{"event":"request"}')
    except ValueError:
        structlog.get_logger().exception("failed")
    if format == "json":
        assert "ValueError: first\n    2026-01-01T" in json.loads(log.text)["exception"]
    else:
        first, heading, *rest = log.lines
        assert "failed" in first
        assert heading == "Traceback (most recent call last):"
        assert all(line.startswith("    ") for line in rest)


def test_libraries(log: Any) -> None:
    """Warnings of the standard library's loggers are lines of the same log, with the logger's name."""
    log.open()
    logging.getLogger("aiohttp.server").warning("odd request from %s", "somewhere")
    logging.getLogger("aiohttp.access").info("not ours to repeat")
    logging.getLogger("asyncio").log(35, "custom level")
    first, second = map(json.loads, log.lines)
    assert (first["event"], first["logger"], first["level"]) == (
        "odd request from somewhere",
        "aiohttp.server",
        "warning",
    )
    assert second["level"] == "warning"


def test_a_library_that_logs_wrongly(log: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A broken message of a library goes the standard library's way of reporting that, and raises nothing."""
    wrong = logging.LogRecord("library", logging.ERROR, __file__, 1, "%d", ("no number",), None)
    log.open()._forwarder.handle(wrong)
    assert log.text == ""
    assert "Logging error" in capsys.readouterr().err


def test_events_of_other_threads(log: Any) -> None:
    """A thread's line reaches the same log."""
    log.open()
    thread = threading.Thread(target=lambda: structlog.get_logger().info("from a thread"))
    thread.start()
    thread.join()
    assert json.loads(log.text)["event"] == "from a thread"


async def test_lines_arrive_by_themselves(record: Record) -> None:
    """With a running loop a line is written without anybody asking for it."""
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    sink = LogSink("json", "info", Outlet(writer))
    try:
        sink.start(loop)
        sink.emit(record)
        arrived = asyncio.Event()
        loop.add_reader(reader, arrived.set)
        async with asyncio.timeout(30):
            await arrived.wait()
        assert json.loads(os.read(reader, 65536))["request_id"] == "req_1"
    finally:
        loop.remove_reader(reader)
        sink.close()
        os.close(reader)
        os.close(writer)


def test_missing_lines_are_announced(tmp_path: Path, log: Any, fake_loop: Any) -> None:
    """When lines were lost to a slow reader, the log says so, once, as soon as there is room."""
    sink = log.open()
    sink.start(fake_loop)
    structlog.get_logger().info("one")
    sink._outlet.dropped += 7
    fake_loop.fire()
    assert [json.loads(line).get("count") for line in log.lines] == [None, 7]
    assert sink.dropped == 7


def test_close(log: Any, record: Record) -> None:
    """A closed log lets go of the standard library's loggers and counts what still comes."""
    sink = log.open()
    sink.close()
    sink.close()
    sink.emit(record)
    logging.getLogger("library").error("late", stacklevel=1)
    assert sink.dropped == 1
    assert sink._forwarder not in logging.getLogger().handlers


def test_lines_are_written_at_exit() -> None:
    """A process that ends without closing its log still writes what waited."""
    program = (
        "import asyncio, structlog\n"
        "from aigw.observe.log import configure\n"
        "async def main():\n"
        "    configure('json', 'info').start(asyncio.get_running_loop())\n"
        "    structlog.get_logger().info('bye')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout)["event"] == "bye"
    assert done.stderr == ""


def test_nowhere_to_write() -> None:
    """A descriptor that is not open is found out at once."""
    with pytest.raises(OSError, match="Bad file descriptor"):
        configure("json", "info", 9999)


def test_page_lists_every_field() -> None:
    """The reference page has a row for each field of a request line and of its attempts, and no others."""
    page = PAGE.read_text(encoding="utf-8")
    request, tried = page.split("## Fields of an attempt")
    rows = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
    assert rows.findall(request.split("## Fields of a request line")[1]) == list(fields.FIELDS)
    assert rows.findall(tried.split("\n## ")[0]) == list(fields.TRIED_FIELDS)


def test_page_lists_every_level_and_outcome() -> None:
    """The reference page tells every level, format and outcome."""
    page = PAGE.read_text(encoding="utf-8")
    for word in (*LEVELS, *FORMATS, *OUTCOMES):
        assert f"`{word}`" in page

"""Records to observe, and a loop whose timers a test fires itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from aigw.observe.log import Format, Level, LogSink, configure
from aigw.observe.record import OK, Record
from aigw.wire.usage import Seen, Usage


@pytest.fixture
def record() -> Record:
    """A streamed request that went well at the first attempt, finished after 1.25 s."""
    made = Record("req_1", "chat-completions", 100.0, 1_700_000_000.0)
    made.account_id = "acct_1"
    made.access_key_id = "aigk_1"
    made.access_key_name = "app"
    made.requested_model = "cloud:big-1"
    made.provider = "cloud"
    made.model = "big-1"
    made.stream = True
    made.status = 200
    made.outcome = OK
    made.bytes_in = 1000
    made.bytes_out = 20000
    made.seen = Seen(Usage(100, 20, 60, 0, None, 5), "stop", "big-1", "chatcmpl-1", terminal=True)
    attempt = made.attempt("cloud", "big-1", "sk-aaaaaaa***zzzz", 100.002)
    attempt.status = 200
    attempt.reused = True
    attempt.connect_ms = 0.0
    attempt.first_byte_ms = 247.0
    attempt.ended = 101.25
    made.first_byte = 100.25
    made.finish(101.25)
    return made


class FakeTimer:
    """A timer that has been set."""

    def __init__(self, delay: float, call: Callable[[], None]) -> None:
        self.delay = delay
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        """As asyncio's."""
        self.cancelled = True


class FakeLoop:
    """The part of an event loop that sets timers; the test moves its clock and fires what is due."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[FakeTimer] = []
        self.soon: list[Callable[[], None]] = []
        self.closed = False

    @property
    def as_loop(self) -> asyncio.AbstractEventLoop:
        """Itself, for the type checker."""
        return cast(asyncio.AbstractEventLoop, self)

    def time(self) -> float:
        """The loop's clock."""
        return self.now

    def call_later(self, delay: float, call: Callable[[], None]) -> FakeTimer:
        """Set a timer."""
        self.timers.append(FakeTimer(delay, call))
        return self.timers[-1]

    def call_at(self, when: float, call: Callable[[], None]) -> FakeTimer:
        """Set a timer for a point in time."""
        return self.call_later(when - self.now, call)

    def call_soon_threadsafe(self, call: Callable[..., None], *args: Any) -> None:
        """Keep a call for the loop's thread."""
        if self.closed:
            raise RuntimeError("Event loop is closed")
        self.soon.append(lambda: call(*args))

    def fire(self) -> None:
        """Run the timers that are set now."""
        due, self.timers = self.timers, []
        for timer in due:
            if not timer.cancelled:
                timer.call()


@pytest.fixture
def fake_loop() -> FakeLoop:
    """A loop that does nothing by itself."""
    return FakeLoop()


class Configured:
    """A log that goes to a file, and what is in that file."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self._file = path.open("ab")
        self.sink: LogSink | None = None

    def open(self, format: Format = "json", level: Level = "info", colours: bool = False) -> LogSink:
        """Configure the process's log."""
        self.sink = configure(format, level, self._file.fileno(), colours)
        return self.sink

    @property
    def text(self) -> str:
        """What has been written."""
        if self.sink is not None:
            self.sink.flush()
        return cast(str, self.path.read_text(encoding="utf-8"))

    @property
    def lines(self) -> list[str]:
        """The lines that have been written."""
        return self.text.splitlines()

    def close(self) -> None:
        """Let go of the log and the file."""
        if self.sink is not None:
            self.sink.close()
        self._file.close()


@pytest.fixture
def log(tmp_path: Any) -> Iterator[Configured]:
    """The process's log, in a file; structlog is as before afterwards."""
    import structlog

    configured = Configured(tmp_path / "log")
    yield configured
    configured.close()
    structlog.reset_defaults()

"""The log: one line per request, made from its record, among the lines the application writes itself.

Everything goes to one descriptor in one order and one format, JSON or console. Request lines take a short
way through structlog (a wrapper that hands it the finished fields); the lines of `structlog.get_logger()`
and of the standard library's loggers take the ordinary way and are cleaned value by value, because nobody
listed their fields.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from aigw.observe import record as outcomes
from aigw.observe.fields import Clock, Names, printable, request_fields
from aigw.observe.outlet import Outlet
from aigw.observe.record import Record
from aigw.observe.scrub import Scrubber

Format = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error", "off"]

FORMATS: tuple[Format, ...] = ("json", "console")
LEVELS: Mapping[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 1,
}
# The level of a request line: what the operator should look at, not what the caller did wrong.
LEVEL_OF: Mapping[str, Level] = {
    outcomes.OK: "info",
    outcomes.CLIENT_ERROR: "info",
    outcomes.CLIENT_CLOSED: "info",
    outcomes.REFUSED: "info",
    outcomes.UPSTREAM_ERROR: "warning",
    outcomes.TIMEOUT: "warning",
    outcomes.BROKEN: "warning",
    outcomes.FAILED: "error",
}
STDOUT = 1
# An application's line may hold a traceback.
LONGEST_VALUE = 16 * 1024
LONGEST_LIST = 100
# Accounts whose names are kept as they are shown.
MOST_ACCOUNTS = 1000


class LogSink:
    """Where log lines go. Made by `configure`, one per process.

    `emit` adds the line of a finished request; it neither waits nor raises, and does nothing for a request
    below the level. `dropped` counts lines that were lost because their reader was too slow or gone.
    """

    emit: Callable[[Record], None]

    def __init__(self, format: Format, level: Level, outlet: Outlet, colours: bool = False) -> None:
        self._outlet = outlet
        self._clock = Clock()
        self._threshold = LEVELS[level]
        self._console = format == "console"
        self._scrubber = Scrubber()
        self._own: Callable[[str], Scrubber] = lambda account: self._scrubber
        self._names: dict[str, Names] = {}
        self._render = _console_renderer(colours) if self._console else _json_line
        rendering = [self._clean, self._render] if self._console else [self._render]
        self._requests = _RequestLogger(outlet, rendering, {})
        self._forwarder = _Forwarder(self._threshold)
        # One traceback tells what is wrong; one for each request would only bury it.
        self._explained = False
        outlet.notice = self._tell_dropped
        self.emit = _nothing if level == "off" else self._emit

    @property
    def dropped(self) -> int:
        """Lines lost since the start."""
        return self._outlet.dropped

    def guard(self, scrubber: Scrubber, own: Callable[[str], Scrubber] | None = None) -> None:
        """Keep the secrets that this scrubber knows out of every line from now on.

        `own` gives the scrubber for lines about requests of an account, where it is another.
        """
        self._scrubber = scrubber
        self._own = own or (lambda account: scrubber)
        self._names = {}

    def start(self, loop: AbstractEventLoop) -> None:
        """Write in batches by this loop's timer from now on. To be called in the loop's thread."""
        self._outlet.start(loop)

    def flush(self) -> bool:
        """Write what fits without waiting; True when nothing is left."""
        return self._outlet.flush()

    def close(self) -> None:
        """Write what is left, within half a second, and let go of the descriptor. Later lines are lost."""
        atexit.unregister(self.close)
        logging.getLogger().removeHandler(self._forwarder)
        self._outlet.close()

    def install(self) -> None:
        """Become what structlog's and the standard library's loggers write to, and close at exit."""
        off = self.emit is _nothing
        structlog.configure(
            processors=[_drop] if off else self._event_processors(),
            wrapper_class=structlog.make_filtering_bound_logger(min(self._threshold, logging.CRITICAL)),
            logger_factory=lambda *_: _EventLogger(self._outlet),
            # A reload may change the level, which a cached logger would not notice; these lines are rare.
            cache_logger_on_first_use=False,
        )
        logging.getLogger().addHandler(self._forwarder)
        atexit.register(self.close)

    def _emit(self, record: Record) -> None:
        try:
            level = LEVEL_OF[record.outcome]
            if LEVELS[level] >= self._threshold:
                self._requests.request(request_fields(record, level, self._clock.stamp(), self._names_of(record)))
        except Exception:  # a line that cannot be written must not cost the request
            self._outlet.dropped += 1
            if not self._explained:
                self._explained = True
                structlog.get_logger().exception("log_line_failed")

    def _names_of(self, record: Record) -> Names:
        names = self._names.get(record.account_id)
        if names is None:
            if len(self._names) >= MOST_ACCOUNTS:
                self._names.clear()
            names = self._names[record.account_id] = Names(self._own(record.account_id))
        return names

    def _event_processors(self) -> list[Processor]:
        return [structlog.processors.format_exc_info, self._headed, self._clean, self._render]

    def _headed(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Put the time, the level and the event first."""
        return {"time": self._clock.stamp(), "level": method, "event": event.pop("event", ""), **event}

    def _clean(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        traceback = event.pop("exception", None)
        cleaned = {self._shown(key): self._cleaned(value) for key, value in event.items()}
        if traceback is not None:
            # Indented, a line of an exception's text cannot pass for a line of the log on a terminal.
            cleaned["exception"] = "\n    ".join(map(self._shown, str(traceback).split("\n")))
        return cleaned

    def _cleaned(self, value: Any) -> Any:
        """The value in JSON's types, its texts scrubbed and on one line."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, Mapping):
            return {self._shown(str(key)): self._cleaned(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._cleaned(item) for item in list(value)[:LONGEST_LIST]]
        return self._shown(str(value))

    def _shown(self, text: str) -> str:
        return printable(self._scrubber.scrub(text[:LONGEST_VALUE]), LONGEST_VALUE)

    def _tell_dropped(self, count: int) -> None:
        structlog.get_logger().warning("log_lines_dropped", count=count)


def configure(format: Format, level: Level, stream_fd: int = STDOUT, colours: bool | None = None) -> LogSink:
    """Make the process's log and install it for structlog and the standard library's loggers.

    Lines go to `stream_fd`, standard output by default: a log is what this program produces, and one stream
    keeps its order. `colours` is for the console format, by default only on a terminal. Raises OSError when
    the descriptor is not open.
    """
    sink = LogSink(format, level, Outlet(stream_fd), os.isatty(stream_fd) if colours is None else colours)
    sink.install()
    return sink


class _RequestLogger(structlog.BoundLoggerBase):
    """structlog's way for a line whose fields are complete: nothing is bound, no level looked up."""

    def request(self, fields: dict[str, Any]) -> None:
        arguments, _ = self._process_event("request", None, fields)
        self._logger.line(*arguments)


class _EventLogger:
    """The end of the ordinary way: from a warning on, lines do not wait for their batch."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def info(self, line: bytes) -> None:
        self._outlet.line_from_anywhere(line)

    debug = info

    def warning(self, line: bytes) -> None:
        self._outlet.line_from_anywhere(line, urgent=True)

    error = critical = warning


class _Forwarder(logging.Handler):
    """Hands warnings of the standard library's loggers (the server's, the loop's) on to structlog."""

    def __init__(self, threshold: int) -> None:
        super().__init__(max(threshold, logging.WARNING))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = min(record.levelno // 10 * 10, logging.CRITICAL)
            structlog.get_logger().log(level, record.getMessage(), logger=record.name, exc_info=record.exc_info or None)
        except Exception:  # as every handler of the standard library
            self.handleError(record)


def _nothing(_record: Record) -> None:
    """What `emit` is when the log is off."""


def _drop(_logger: WrappedLogger, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


def _json_line(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    try:
        return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer beyond 64 bits, text that is not Unicode
        return json.dumps(event, default=str).encode("ascii") + b"\n"


def _console_renderer(colours: bool) -> Processor:
    console = structlog.dev.ConsoleRenderer(
        colors=colours,
        sort_keys=False,
        timestamp_key="time",
        exception_formatter=structlog.dev.plain_traceback,
        pad_event_to=0,
    )

    def render(logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        shown = {key: value for key, value in event.items() if value not in ("", None, [])}
        return (console(logger, method, shown) + "\n").encode("utf-8", "backslashreplace")

    return render

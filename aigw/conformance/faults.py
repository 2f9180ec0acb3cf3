"""What goes wrong behind the gateway, one name each: the faults that are played, and in which kinds of call."""

from __future__ import annotations

from attrs import frozen

# A stream as fast as it can be said, one event by event, a plain answer, a stream that calls tools.
STREAM, SLOW, WHOLE, TOOLS = "stream", "slow", "whole", "tools"
MODES = (STREAM, SLOW, WHOLE, TOOLS)
_ALL = (STREAM, WHOLE, TOOLS)
_STREAMS = (STREAM, TOOLS)
_BOTH = (STREAM, WHOLE)
CONTROL = "none"
_SLOWLY = "delay=3"
_MENDED = ("once-500", "once-cut-early", "once-error-first")
_STATUSES = (400, 401, 404, 408, 500, 503, 529)


@frozen
class Fault:
    """A fault: the sandbox's lists for the first attempt, the next …, and the kinds of call it makes sense in."""

    name: str
    lists: tuple[str, ...]
    modes: tuple[str, ...] = _BOTH
    about: str = ""

    def played(self, mode: str) -> tuple[str, ...] | None:
        """What the sandbox is to play in a kind of call; None where the fault makes no sense."""
        if mode != SLOW:
            return self.lists if mode in self.modes else None
        if STREAM not in self.modes or any("chunk=" in each for each in self.lists):
            return None
        return tuple(f"{each},{_SLOWLY}" for each in self.lists)

    @property
    def waits(self) -> bool:
        """Whether a gateway may rightly leave the upstream alone for a while."""
        return self.name == "status-429"

    @property
    def mends(self) -> bool:
        """Whether the first attempt fails before its first content, and the next one is good."""
        return self.name in _MENDED


def _fault(name: str, lists: str | tuple[str, ...], about: str, modes: tuple[str, ...] = _BOTH) -> Fault:
    return Fault(name, (lists,) if isinstance(lists, str) else lists, modes, about)


FAULTS = (
    _fault(CONTROL, "", "nothing goes wrong", _ALL),
    # Before the answer
    *(_fault(f"status-{code}", f"status={code}", f"answers {code}") for code in _STATUSES),
    _fault("redirect", "status=307", "redirects to another path"),
    _fault("closed", "close-before-head", "closes without an answer"),
    _fault("reset", "reset=0", "resets the connection before an answer"),
    _fault("silent", "stall-head", "never answers"),
    _fault("1xx", "informational", "sends 100 and 103 before the answer"),
    _fault("html", "html", "answers 200 with a web page"),
    _fault("text-type", "type=text/plain", "the right answer as text/plain"),
    _fault("json-type", "type=application/json", "the right stream as application/json", (STREAM,)),
    _fault("unstreamed", "unstreamed", "a plain answer in a stream's place", (STREAM,)),
    _fault("streamed", "streamed", "a stream in a plain answer's place", (WHOLE,)),
    _fault("empty", "empty", "200 and nothing"),
    _fault("error-first", "error-first", "200, and the first event is an error"),
    _fault("overloaded-first", "error-first,error-status=529", "200, and the first event is an overload"),
    _fault("bare-error-first", "bare-error=0", "200, and first an error without its event line", (STREAM,)),
    # The connection
    _fault("cut-early", "cut=0c", "the connection closes before the first content"),
    _fault("cut", "cut=2c", "the connection closes amid the content", _ALL),
    _fault("cut-in-event", "cut-bytes=700", "the connection closes inside an event", _STREAMS),
    _fault("reset-mid", "reset=2c", "the connection is reset amid the content"),
    _fault("stall", "stall=2c", "silence amid the content"),
    _fault("bad-chunk", "bad-chunk=2c", "the chunks' framing breaks", (STREAM,)),
    _fault("unframed", "nolen", "neither length nor chunks, a full answer"),
    _fault("unframed-cut", "nolen,cut=2c", "neither length nor chunks, cut amid the content", _ALL),
    _fault("unframed-end", "nolen,no-terminal", "neither length nor chunks, cut before its end", _STREAMS),
    _fault("length-short", "length=-7", "the declared length is too short", (WHOLE,)),
    _fault("length-long", "length=7", "the declared length is too long", (WHOLE,)),
    # What is said
    _fault("no-terminal", "no-terminal", "ends well without reason for ending and end event", _STREAMS),
    _fault("no-finish", "no-finish", "ends without a reason for ending", _STREAMS),
    _fault("no-done", "no-done", "only the event that closes the stream is missing", _STREAMS),
    _fault("half", "half=2c", "half an event, then the body ends well", _ALL),
    _fault("half-early", "half=0c", "half of the first content, then the body ends well"),
    _fault("half-letter", "half-letter", "the body ends well inside a letter"),
    _fault("torn", "malformed=1c", "half an event, then a good end", _ALL),
    _fault("double-start", "double-start=2c", "the stream begins twice", (STREAM,)),
    _fault("error-mid", "error-mid=2c", "an error amid the content", _ALL),
    _fault("error-done", "error-mid=2c,error-done", "an error amid the content, then what closes the stream", _STREAMS),
    _fault("bare-error", "bare-error=2c", "an error amid the content without its event line", (STREAM,)),
    _fault("empty-data", "empty-data=1c", "an event without data", (STREAM,)),
    _fault("comments", "comments", "comments between the events", (STREAM,)),
    _fault("unknown-events", "unknown-events", "events of unknown kinds", (STREAM,)),
    _fault("crlf", "crlf", "lines end with CR LF", (STREAM,)),
    _fault("bom", "bom", "a byte order mark first", (STREAM,)),
    _fault("bytes", "chunk=1,foreign", "byte by byte, with letters of several bytes", (STREAM,)),
    # Codings
    _fault("gzip", "gzip", "a good answer in gzip"),
    _fault("gzip-half", "gzip,half=2c", "half an event in gzip, then the body ends well"),
    _fault("gzip-cut", "gzip,coding-cut=3", "gzip breaks off, the body ends well"),
    _fault("zstd-cut", "zstd,coding-cut=3", "zstd breaks off, the body ends well"),
    _fault("gzip-trailer", "gzip,no-trailer", "gzip without its trailer"),
    # Faults that another attempt mends
    _fault("once-500", ("status=500", ""), "a 500, then a good answer"),
    _fault("once-cut-early", ("cut=0c", ""), "cut before the first content, then a good answer", (STREAM,)),
    _fault("once-error-first", ("error-first", ""), "an error as first event, then a good answer"),
    _fault("once-cut", ("cut=2c", ""), "cut amid the content; no second answer follows", _ALL),
    _fault("once-half", ("half=2c", ""), "half an event, the body ends well; no second answer follows", _STREAMS),
    _fault("once-error-mid", ("error-mid=2c", ""), "an error amid the content; no second answer follows", (STREAM,)),
    _fault("status-429", "status=429", "answers 429"),
)
BY_NAME = {fault.name: fault for fault in FAULTS}

"""Read a JSON body while it comes, so that a large one can go up before it is complete.

`Scanner` follows only the members of the top-level object; what stands inside their values is skipped string
by string with C-speed searches. It cuts the body into pieces that can be sent as soon as they are decided: the
model is a piece of its own, and a `models` member becomes spaces, so that the length stays as announced.

Skipping costs Python time per string, bracket and escaped quote. A body dense with them (`[[[[…`) would cost seconds,
so the scanner has a budget: when it is spent `gave_up` turns true, what still comes is kept in `rest`, and whoever
feeds it waits for the whole body and peeks instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from aigw.errors import InvalidBody
from aigw.wire.peek import MAX_MEMBERS, NAMES, check_spelling, name, names, repeated, too_many

# Strings, brackets and escaped quotes looked at before giving up: about 50 ms of one core, spread over the body's
# arrivals.
MAX_TOKENS = 200_000
# `model` and `models` are names; what is longer is not, and would be kept in memory a second time.
MAX_CAPTURE = 65_536
# Longest key, escapes included, that can still mean one of ours (`\\u006d` six times over).
MAX_KEY = 64

_STRUCTURE = re.compile(rb'["\[\]{}]')
_SCALAR_END = re.compile(rb"[,}\]\s]")
_NOT_SPACE = re.compile(rb"[^ \t\r\n]")
_QUOTE, _BACKSLASH, _COMMA, _COLON = b'"'[0], b"\\"[0], b","[0], b":"[0]
_OPEN, _CLOSE = b"{"[0], b"}"[0]
_NESTING = {b"{"[0]: 1, b"["[0]: 1, b"}"[0]: -1, b"]"[0]: -1}
_READ = NAMES | {"stream"}
_SCALAR_START = frozenset(b"-0123456789tfn")

_decode_str = msgspec.json.Decoder(str).decode

Step = Callable[[bytes, int], int]


class Scanner:
    """One body. `feed` appends to `pieces`; `pieces[model_at]` is the model's value as it stood, quotes and all.

    `model`, `models`, `listed` and `stream` are set as they are met. `held` was fed and is not decided yet.
    Raises InvalidBody where the bytes cannot be a JSON object, have too many members, or name models twice; `strict`
    as in `wire.peek`.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.pieces: list[bytes] = []
        self.model: str | None = None
        self.model_at = -1
        self.models: tuple[str, ...] = ()
        self.listed = False
        self.stream = False
        self.complete = False
        self.held = b""
        self.rest: list[bytes] = []
        self._strict = strict
        self._step: Step = self._start
        self._mark = 0  # first byte that is in no piece yet
        self._hold = -1  # first byte that may not be sent yet; -1: none
        self._from = 0  # where the current key or value began
        self._key = ""
        self._seen: set[str] = set()
        self._depth = 0
        self._escaped = False
        self._in_string = False
        self._may_close = True
        self._blank_comma = False
        self._tokens = 0
        self._members = 0

    @property
    def gave_up(self) -> bool:
        """Whether the budget is spent."""
        return self._tokens > MAX_TOKENS

    def feed(self, data: bytes) -> None:
        """Take the next bytes, in any slicing."""
        if self.gave_up:
            self.rest.append(data)
            return
        at = len(self.held)
        if at:
            data, self.held = self.held + data, b""
        while at < len(data) and self._tokens <= MAX_TOKENS:
            at = self._step(data, at)
        if self._tokens > MAX_TOKENS:
            # Nothing from here on is known to be harmless: a second `model` could be in it.
            self.rest.append(data[at:])
            data = data[:at]
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        """Everything before the first undecided byte becomes a piece."""
        if self._hold >= 0 and self._step == self._in_key and len(data) - self._from > MAX_KEY:
            self._hold = -1
        cut = len(data) if self._hold < 0 else self._hold
        if len(data) - cut > MAX_CAPTURE:
            raise InvalidBody(f"`{self._key}` is too long.", param=self._key)
        if cut > self._mark:
            self.pieces.append(data[self._mark : cut])
        self.held = data[cut:]
        self._mark = 0
        self._from -= cut
        self._hold = -1 if self._hold < 0 else 0

    def _start(self, data: bytes, at: int) -> int:
        at, char = _skip_space(data, at)
        if char == _OPEN:
            self._step = self._before_key
        elif char is not None:
            raise InvalidBody("The request body must be a JSON object.")
        return at + 1

    def _before_key(self, data: bytes, at: int) -> int:
        at, char = _skip_space(data, at)
        if char == _QUOTE:
            if self._hold < 0:
                self._hold = at
            self._from = at
            self._step = self._in_key
        elif char == _CLOSE and self._may_close:
            self._close()
        elif char is not None:
            raise InvalidBody("The request body is not valid JSON: a member's name was expected.")
        return at + 1

    def _in_key(self, data: bytes, at: int) -> int:
        at = self._skip_string(data, at)
        if not self._in_string:
            text = data[self._from : at] if self._from >= 0 and at - self._from <= MAX_KEY else b'""'
            self._key = _text(text)
            self._may_close = False
            self._step = self._before_value
        return at

    def _before_value(self, data: bytes, at: int) -> int:
        at, char = _skip_space(data, at)
        if char == _COLON:
            self._step = self._value
        elif char is not None:
            raise InvalidBody("The request body is not valid JSON: a colon was expected.")
        return at + 1

    def _value(self, data: bytes, at: int) -> int:
        at, char = _skip_space(data, at)
        if char is None:
            return at
        self._from = at
        self._note_key(data, at)
        if char == _QUOTE:
            self._step = self._in_value_string
        elif _NESTING.get(char, 0) == 1:
            self._depth = 1
            self._step = self._in_nested
        elif char in _SCALAR_START:
            self._step = self._in_scalar
        else:
            raise InvalidBody("The request body is not valid JSON: a value was expected.")
        return at + 1

    def _note_key(self, data: bytes, at: int) -> None:
        """Decide what is held: a name's value until it is read, a `models` member as a whole, others nothing."""
        key = self._key
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise too_many()
        if key not in _READ:
            if self._strict:
                check_spelling(key)
            self._hold = -1
            return
        if key in self._seen and key in NAMES:
            raise repeated(key)
        self._seen.add(key)
        if key != "models":
            if at > self._mark:
                self.pieces.append(data[self._mark : at])
            self._mark = self._hold = at

    def _in_value_string(self, data: bytes, at: int) -> int:
        at = self._skip_string(data, at)
        if not self._in_string:
            self._ended(data, at)
        return at

    def _in_scalar(self, data: bytes, at: int) -> int:
        found = _SCALAR_END.search(data, at)
        if found is None:
            return len(data)
        self._ended(data, found.start())
        return found.start()

    def _in_nested(self, data: bytes, at: int) -> int:
        if self._in_string:
            return self._skip_string(data, at)
        found = _STRUCTURE.search(data, at)
        if found is None:
            return len(data)
        self._tokens += 1
        if self.gave_up:
            return at
        at = found.end()
        char = data[at - 1]
        if char == _QUOTE:
            return self._skip_string(data, at)
        self._depth += _NESTING[char]
        if not self._depth:
            self._ended(data, at)
        return at

    def _skip_string(self, data: bytes, at: int) -> int:
        """Move behind the closing quote; `_in_string` stays true while it has not come."""
        self._in_string = True
        if self._escaped:
            self._escaped = False
            at += 1
        while True:
            end = data.find(b'"', at)
            stop = len(data) if end < 0 else end
            slashes = stop
            while slashes > at and data[slashes - 1] == _BACKSLASH:
                slashes -= 1
            odd = (stop - slashes) % 2 == 1
            if end < 0:
                self._escaped = odd
                return stop
            if not odd:
                self._in_string = False
                return end + 1
            at = end + 1
            self._tokens += 1
            if self.gave_up:
                return at

    def _ended(self, data: bytes, at: int) -> None:
        """The value of the current key ends before `at`."""
        self._step = self._after
        # Of values that nobody asked for the beginning may be gone, and with it the meaning of `_from`.
        raw = data[self._from : at] if 0 <= self._from <= at else b""
        if self._key == "model":
            self.model = name(raw)
            self.model_at = len(self.pieces)
            self.pieces.append(raw)
            self._mark, self._hold = at, -1
        elif self._key == "stream":
            self.stream = raw == b"true"
            self._hold = -1
        elif self._key == "models":
            self.models = names(raw)
            self.listed = True
            self._blank_comma = data[self._hold] != _COMMA
            self._blank(data, self._hold, at)
            self._hold = -1

    def _blank(self, data: bytes, start: int, end: int) -> None:
        """Spaces instead of a member: JSON allows them anywhere, and the announced length stays true."""
        if start > self._mark:
            self.pieces.append(data[self._mark : start])
        self.pieces.append(b" " * (end - start))
        self._mark = end

    def _after(self, data: bytes, at: int) -> int:
        at, char = _skip_space(data, at)
        if char == _COMMA:
            if self._blank_comma:
                self._blank(data, at, at + 1)
                self._blank_comma = False
            else:
                self._hold = at
            self._step = self._before_key
        elif char == _CLOSE:
            self._close()
        elif char is not None:
            raise InvalidBody("The request body is not valid JSON: a comma or `}` was expected.")
        return at + 1

    def _close(self) -> None:
        self._hold = -1
        self.complete = True
        self._step = self._end

    def _end(self, data: bytes, at: int) -> int:
        at, char = _skip_space(data, at)
        if char is not None:
            raise InvalidBody("The request body is not valid JSON: something follows the object.")
        return at


def _skip_space(data: bytes, at: int) -> tuple[int, int | None]:
    """The next byte that is not white space, and where; None when there is none yet."""
    found = _NOT_SPACE.search(data, at)
    if found is None:
        return len(data), None
    return found.start(), data[found.start()]


def _text(raw: bytes) -> str:
    try:
        return _decode_str(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidBody("The request body is not valid JSON: a member's name cannot be read.") from None

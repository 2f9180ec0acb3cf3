"""Read the `model` field of a multipart/form-data body (RFC 7578) while it comes; files pass through unread.

Cuts the body into pieces like `wire.scan.Scanner`: the model's value is a piece of its own, everything else
keeps its bytes, and all that is ever held back is a part's head or what could be the beginning of a delimiter.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from aigw.errors import InvalidBody

# A part's head is a disposition and a content type.
MAX_PART_HEAD = 16_384
MAX_VALUE = 512
# RFC 2046, section 5.1.1: at most 70 characters.
MAX_BOUNDARY = 70

_BOUNDARY = re.compile(r"""boundary=(?:"([^"]+)"|([^\s;]+))""", re.IGNORECASE)
_NAME = re.compile(rb"""content-disposition:[^\r\n]*?[;\s]name=(?:"([^"\r\n]*)"|([^\s;"]+))""", re.IGNORECASE)
_FILENAME = re.compile(rb"content-disposition:[^\r\n]*?[;\s]filename\*?=", re.IGNORECASE)


def boundary_of(content_type: str) -> bytes:
    """The boundary of a Content-Type. Raises InvalidBody when it is not multipart/form-data with a boundary."""
    found = _BOUNDARY.search(content_type)
    boundary = (found[1] or found[2]) if found else ""
    if not content_type.lower().startswith("multipart/form-data") or not 0 < len(boundary) <= MAX_BOUNDARY:
        raise InvalidBody("Send this request as multipart/form-data with a boundary; `model` is one of its fields.")
    return boundary.encode("latin-1", "replace")


class FormScanner:
    """One body. `pieces[model_at]` is the value of the field `model`. Raises InvalidBody where it is no form."""

    def __init__(self, boundary: bytes) -> None:
        self.pieces: list[bytes] = []
        self.model: str | None = None
        self.model_at = -1
        self.stream = False
        self.complete = False
        self.held = b""
        self._delimiter = b"\r\n--" + boundary
        # The first delimiter has no line end before it.
        self._start = b"--" + boundary
        self._field = b""
        self._step: Callable[[bytes], tuple[int, bool]] = self._before_first

    def feed(self, data: bytes) -> None:
        """Take the next bytes, in any slicing."""
        if self.held:
            data, self.held = self.held + data, b""
        done = False
        while data and not done:
            cut, done = self._step(data)
            data = data[cut:]
        self.held = data

    def _emit(self, data: bytes) -> None:
        if data:
            self.pieces.append(data)

    def _before_first(self, data: bytes) -> tuple[int, bool]:
        if len(data) < len(self._start):
            return 0, True
        if not data.startswith(self._start):
            raise InvalidBody("The form does not begin with its boundary.")
        self._emit(self._start)
        self._step = self._after_delimiter
        return len(self._start), False

    def _after_delimiter(self, data: bytes) -> tuple[int, bool]:
        """A line end begins a part, two hyphens end the form."""
        if len(data) < 2:
            return 0, True
        self._emit(data[:2])
        if data.startswith(b"--"):
            self.complete = True
            self._step = self._epilogue
        elif data.startswith(b"\r\n"):
            self._step = self._part_head
        else:
            raise InvalidBody("The form has a malformed boundary.")
        return 2, False

    def _part_head(self, data: bytes) -> tuple[int, bool]:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > MAX_PART_HEAD:
                raise InvalidBody("A part of the form has too long a head.")
            return 0, True
        head = data[: end + 4]
        name = _NAME.search(head)
        self._field = b"" if name is None or _FILENAME.search(head) else (name[1] or name[2] or b"")
        self._emit(head)
        self._step = self._value if self._field in (b"model", b"stream") else self._content
        return len(head), False

    def _content(self, data: bytes) -> tuple[int, bool]:
        end = data.find(self._delimiter)
        if end < 0:
            # What could be the beginning of a delimiter waits for the next bytes.
            safe = data.rfind(b"\r", max(0, len(data) - len(self._delimiter) + 1))
            safe = len(data) if safe < 0 else safe
            self._emit(data[:safe])
            return safe, True
        self._emit(data[: end + len(self._delimiter)])
        self._step = self._after_delimiter
        return end + len(self._delimiter), False

    def _value(self, data: bytes) -> tuple[int, bool]:
        end = data.find(self._delimiter)
        if end < 0:
            if len(data) > MAX_VALUE + len(self._delimiter):
                raise InvalidBody(f"The form field `{self._field.decode()}` is too long.", param=self._field.decode())
            return 0, True
        value = data[:end]
        if self._field == b"stream":
            self.stream = value.lower() == b"true"
            self._emit(value)
        else:
            self._take_model(value)
        self._emit(self._delimiter)
        self._step = self._after_delimiter
        return end + len(self._delimiter), False

    def _take_model(self, value: bytes) -> None:
        if self.model is not None:
            raise InvalidBody("The form field `model` stands more than once.", param="model")
        try:
            self.model = value.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidBody("The form field `model` must be text.", param="model") from None
        self.model_at = len(self.pieces)
        self.pieces.append(value)

    def _epilogue(self, data: bytes) -> tuple[int, bool]:
        self._emit(data)
        return len(data), False

"""Read the `model` field of a multipart/form-data body (RFC 7578) while it comes; files pass through unread.

Cuts the body into pieces like `wire.scan.Scanner`: the model's value is a piece of its own, everything else
keeps its bytes, and all that is ever held back is a part's head or what could be the beginning of a delimiter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from aigw.errors import InvalidBody

# A part's head is a disposition and a content type.
MAX_PART_HEAD = 16_384
MAX_VALUE = 512
# Forms of these APIs have a dozen fields, image edits up to sixteen files; each part costs Python time.
MAX_PARTS = 1000
# RFC 2046, section 5.1.1: at most 70 characters, and which.
_BOUNDARY_TEXT = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_BOUNDARY = re.compile(r""";\s*(boundary[^\s;=]*)=(?:"([^"]*)"|([^\s;"]*))""", re.IGNORECASE)
# One line of a part's head; a folded or nameless one is read differently by different servers.
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)")
_DISPOSITION = re.compile(
    rb"""form-data((?:[ \t]*;[ \t]*[^\s;="]+=(?:"(?:[^"\\]|\\.)*"|[^\s;"]*))*)[ \t]*;?[ \t]*""", re.I
)
_PARAMETER = re.compile(rb""";[ \t]*([^\s;="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))""")
_READ = frozenset({b"model", b"stream"})


def boundary_of(content_type: str) -> bytes:
    """The boundary of a Content-Type. Raises InvalidBody when it is not multipart/form-data with one boundary."""
    kind = content_type.partition(";")[0].strip().lower()
    given = list(_BOUNDARY.finditer(content_type))
    boundary = ""
    if len(given) == 1 and given[0][1].lower() == "boundary":
        boundary = given[0][2] or given[0][3] or ""
    if kind != "multipart/form-data" or not _BOUNDARY_TEXT.fullmatch(boundary):
        raise InvalidBody("Send this request as multipart/form-data with a boundary; `model` is one of its fields.")
    return boundary.encode("ascii")


def field_of(head: bytes) -> bytes:
    """The name of the field that a part with this head is, nothing for a file.

    Raises InvalidBody for a head that servers could read differently: the field that we check and the one that the
    provider obeys must be the same.
    """
    dispositions: list[bytes] = []
    for line in head.split(b"\r\n")[:-2]:
        found = _LINE.fullmatch(line)
        if found is None:
            raise InvalidBody("A part of the form has a malformed head.")
        if found[1].lower() == b"content-disposition":
            dispositions.append(found[2])
    disposition = _DISPOSITION.fullmatch(dispositions[0]) if len(dispositions) == 1 else None
    if disposition is None:
        raise InvalidBody("Each part of the form needs one `Content-Disposition: form-data` with a name.")
    given = [(key.lower(), quoted or plain) for key, quoted, plain in _PARAMETER.findall(disposition[1])]
    names = [value for key, value in given if key.startswith(b"name")]
    if len(names) != 1 or (b"name", names[0]) not in given:
        raise InvalidBody("A part of the form needs one name.")
    if names[0] != b"model" and _meant(names[0]) == b"model":
        raise InvalidBody("The form field `model` must be written so.", param="model")
    return b"" if any(key.startswith(b"filename") for key, _ in given) else names[0]


def _meant(name: bytes) -> bytes:
    """What a lenient server could take a name for: escapes undone, in lower case."""
    return unquote_to_bytes(re.sub(rb"\\(.)", rb"\1", name)).strip().lower()


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
        self._parts = 0
        # A function, not a bound method: that would hold its own form, and all of its pieces.
        self._step: Callable[[FormScanner, bytes], tuple[int, bool]] = FormScanner._before_first

    def feed(self, data: bytes) -> None:
        """Take the next bytes, in any slicing."""
        if self.held:
            data, self.held = self.held + data, b""
        done = False
        while data and not done:
            cut, done = self._step(self, data)
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
        self._step = FormScanner._after_delimiter
        return len(self._start), False

    def _after_delimiter(self, data: bytes) -> tuple[int, bool]:
        """A line end begins a part, two hyphens end the form."""
        if len(data) < 2:
            return 0, True
        self._emit(data[:2])
        if data.startswith(b"--"):
            self.complete = True
            self._step = FormScanner._epilogue
        elif data.startswith(b"\r\n"):
            self._step = FormScanner._part_head
        else:
            raise InvalidBody("The form has a malformed boundary.")
        return 2, False

    def _part_head(self, data: bytes) -> tuple[int, bool]:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > MAX_PART_HEAD:
                raise InvalidBody("A part of the form has too long a head.")
            return 0, True
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InvalidBody(f"The form has more than {MAX_PARTS} parts.")
        head = data[: end + 4]
        self._field = field_of(head)
        self._emit(head)
        self._step = FormScanner._value if self._field in _READ else FormScanner._content
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
        self._step = FormScanner._after_delimiter
        return end + len(self._delimiter), False

    def _value(self, data: bytes) -> tuple[int, bool]:
        end = data.find(self._delimiter)
        if (len(data) - len(self._delimiter) if end < 0 else end) > MAX_VALUE:
            raise InvalidBody(f"The form field `{self._field.decode()}` is too long.", param=self._field.decode())
        if end < 0:
            return 0, True
        value = data[:end]
        if self._field == b"stream":
            self.stream = value.lower() == b"true"
            self._emit(value)
        else:
            self._take_model(value)
        self._emit(self._delimiter)
        self._step = FormScanner._after_delimiter
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

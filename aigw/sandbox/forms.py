"""A request body as fields and files: JSON objects and multipart forms (RFC 7578)."""

import re
from typing import TypeAlias

import orjson
from attrs import field, frozen

from .errors import Refused
from .reply import Json

Files: TypeAlias = dict[str, list[tuple[str, bytes]]]

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_NAME = re.compile(rb'\bname="([^"]*)"')
_FILENAME = re.compile(rb'\bfilename="([^"]*)"')


@frozen
class Form:
    """What a body holds: text fields or a JSON object's members; uploads as (file name, content) by field."""

    fields: Json = field(factory=dict)
    files: Files = field(factory=dict)


def read(body: bytes, content_type: str) -> Form:
    """Read a body by its content type; an empty one has no fields. Raises Refused (400) when that fails."""
    boundary = _BOUNDARY.search(content_type) if content_type.startswith("multipart/") else None
    if boundary is not None:
        return _multipart(body, boundary[1].encode())
    if not body:
        return Form()
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"We could not parse the JSON body of your request: {error}", "invalid_json") from None
    if not isinstance(value, dict):
        raise Refused(400, "The body of your request must be a JSON object.", "invalid_json")
    return Form(value)


def _multipart(body: bytes, boundary: bytes) -> Form:
    form = Form()
    # The first boundary has no line break before it; with one, all parts are cut off alike.
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(parts) < 3 or not parts[-1].startswith(b"--"):
        raise Refused(400, "Could not parse multipart form: no closing boundary.", "invalid_form")
    for part in parts[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is None:
            raise Refused(400, "Could not parse multipart form: a part has no name.", "invalid_form")
        filename = _FILENAME.search(head)
        if filename is None:
            form.fields[name[1].decode()] = content.decode("utf-8", "replace")
        else:
            form.files.setdefault(name[1].decode(), []).append((filename[1].decode(), content))
    return form

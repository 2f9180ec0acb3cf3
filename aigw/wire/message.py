"""What is used of a parsed message head: the shape of aiohttp's parser results, which its two parsers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

Fields = tuple[tuple[bytes, bytes], ...]


class Version(Protocol):
    """An HTTP version."""

    @property
    def major(self) -> int: ...
    @property
    def minor(self) -> int: ...


class MessageHead(Protocol):
    """What requests and responses have in common. `should_close` and `chunked` follow from the fields."""

    @property
    def version(self) -> Version: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def raw_headers(self) -> Fields: ...
    @property
    def should_close(self) -> bool: ...
    @property
    def upgrade(self) -> bool: ...
    @property
    def chunked(self) -> bool: ...


class RequestHead(MessageHead, Protocol):
    """A request's head; `path` is the request target as it was sent."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...


class ResponseHead(MessageHead, Protocol):
    """A response's head."""

    @property
    def code(self) -> int: ...
    @property
    def reason(self) -> str: ...

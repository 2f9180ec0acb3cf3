"""Where a listener listens: `127.0.0.1:8080`, `[::1]:8080`, `:8080`, `unix:/run/aigw.sock`."""

from __future__ import annotations

import re

import attrs

from aigw.settings.hosts import BadHost, bracketed, parse_host

MAX_PORT = 65535
# sun_path of sockaddr_un holds 108 bytes with the final NUL on Linux, 104 on macOS and the BSDs.
MAX_SOCKET_PATH = 103

_HOST_PORT = r"(.*):([0-9]{1,5})"

EXAMPLES = '"127.0.0.1:8080", "[::1]:8080", ":8080" (every interface) or "unix:/run/aigw.sock"'


class BadAddress(ValueError):
    """A text is not an address to listen on; the message says how one is written."""


@attrs.frozen
class Tcp:
    """A TCP address. An empty host means every interface; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


@attrs.frozen
class Unix:
    """A Unix domain socket by its path."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


def parse_address(text: str) -> Tcp | Unix:
    """The address a text names. Raises BadAddress."""
    if text.startswith("unix:"):
        return _unix(text.removeprefix("unix:"))
    if text.isascii() and text.isdigit():
        raise BadAddress(f'needs a host before the port: "127.0.0.1:{text}", or ":{text}" for every interface')
    match = re.fullmatch(_HOST_PORT, text)
    if match is None:
        raise BadAddress(f"must be an address: {EXAMPLES}")
    host, port = match[1], int(match[2])
    if port > MAX_PORT:
        raise BadAddress(f"has a port above {MAX_PORT}")
    if ":" in host.strip("[]") and not host.startswith("["):
        raise BadAddress('needs brackets around an IPv6 address: "[::1]:8080"')
    try:
        return Tcp(parse_host(host) if host else "", port)
    except BadHost as bad:
        raise BadAddress(f"{bad}; {EXAMPLES}") from None


def _unix(path: str) -> Unix:
    # `unix:///run/x` is how URLs write it; `unix:/run/x` is our own form.
    path = path.removeprefix("//") if path.startswith("///") else path
    if not path or "\0" in path or path.startswith("@"):
        raise BadAddress('needs the path of a socket file after "unix:", as in "unix:/run/aigw.sock"')
    if len(path.encode("utf-8", "surrogatepass")) > MAX_SOCKET_PATH:
        raise BadAddress(f"has a socket path over {MAX_SOCKET_PATH} bytes, which systems refuse")
    return Unix(path)

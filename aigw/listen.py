"""Listening sockets: made from an address, or inherited from systemd (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from aigw.errors import ConfigError
from aigw.settings import Tcp, Unix

FIRST_INHERITED = 3


def open_socket(address: Tcp | Unix, setting: str, *, shared: bool = False) -> socket.socket:
    """A bound socket, not listening yet. `shared` lets several processes bind the same port (SO_REUSEPORT).

    Raises ConfigError that names the setting when the address cannot be had.
    """
    try:
        return _unix(address.path) if isinstance(address, Unix) else _tcp(address, shared)
    except OSError as exc:
        raise ConfigError(
            f"{setting}: cannot listen on {address}: {exc.strerror or exc}."
            " Is another gateway running there? Choose another address, for example with --listen."
        ) from None


def _tcp(address: Tcp, shared: bool) -> socket.socket:
    host = address.host or None
    infos = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # Every interface: prefer the IPv6 wildcard, which takes IPv4 too.
    infos.sort(key=lambda info: info[0] != (socket.AF_INET6 if host is None else info[0]))
    family, kind, protocol, _, where = infos[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host is None else 1)
        sock.bind(where)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _unix(path: str) -> socket.socket:
    """A stale socket file of an earlier run is replaced; any other file is left alone."""
    if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode) and not _answers(path):
        Path(path).unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def inherited(environ: Mapping[str, str]) -> dict[str, socket.socket]:
    """Sockets that systemd passed, by name: `data` and `control` (FileDescriptorName=), else in this order."""
    if environ.get("LISTEN_PID") != str(os.getpid()) or not environ.get("LISTEN_FDS", "").isdigit():
        return {}
    count = int(environ["LISTEN_FDS"])
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    found: dict[str, socket.socket] = {}
    for index in range(count):
        sock = socket.socket(fileno=FIRST_INHERITED + index)
        sock.setblocking(False)
        sock.set_inheritable(False)
        name = (
            names[index]
            if index < len(names) and names[index] in ("data", "control")
            else ("data", "control")[index % 2]
        )
        found.setdefault(name, sock)
    return found


def shown(sock: socket.socket) -> str:
    """The address of a bound socket, as in a URL."""
    where = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{where}"
    host = f"[{where[0]}]" if ":" in where[0] else where[0]
    return f"http://{host}:{where[1]}"

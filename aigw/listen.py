"""Listening sockets: made from an address, or inherited from systemd (sd_listen_fds(3))."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import attrs

from aigw.errors import ConfigError
from aigw.settings import Settings, Tcp, Unix

FIRST_INHERITED = 3
# What the settings call the data plane's address.
LISTEN = "server.listen"
# The names a socket unit may give (FileDescriptorName=), in the order that counts for sockets without them.
NAMES = ("data", "control")
# A socket file whose owner does not even take the connection within this many seconds is still somebody's.
PROBE_SECONDS = 1.0


@attrs.define(eq=False)
class Sockets:
    """The sockets of one gateway: those that were passed to it, else its own, whose files it removes in the end."""

    passed: Mapping[str, socket.socket] = attrs.field(factory=dict)
    _files: dict[str, tuple[int, int]] = attrs.field(factory=dict)

    def take(self, name: str, address: Tcp | Unix, setting: str, *, shared: bool = False) -> socket.socket:
        """The socket of this name, or a new one. Raises ConfigError as `open_socket`."""
        if name in self.passed:
            return self.passed[name]
        sock = open_socket(address, setting, shared=shared)
        if isinstance(address, Unix):
            self._files[address.path] = _identity(address.path)
        return sock

    def remove_files(self) -> None:
        """Remove the files of Unix sockets, unless another gateway has put its own there meanwhile."""
        for path, identity in self._files.items():
            with suppress(OSError):
                if _identity(path) == identity:
                    os.unlink(path)


@attrs.define(eq=False)
class Door:
    """Where workers take connections: a socket each on the address of `anchor`, or the anchor shared by all.

    Each its own spreads connections evenly and wakes one worker for one connection (SO_REUSEPORT, socket(7)); what
    cannot be opened twice (a Unix socket, one passed by systemd) is shared. The parent keeps every socket open, so
    that connections that wait at one whose worker has died are taken by the next worker.
    """

    anchor: socket.socket
    _shared: bool
    _opened: dict[int, socket.socket] = attrs.field(factory=dict)

    @classmethod
    def of(cls, settings: Settings, sockets: Sockets) -> Door:
        """The door on `server.listen`, or the one that was passed. Raises ConfigError."""
        anchor = sockets.take("data", settings.server.listen, LISTEN, shared=True)
        return cls(anchor, "data" in sockets.passed or anchor.family == socket.AF_UNIX)

    def open(self, worker: int) -> socket.socket:
        """The socket of a worker: the one its predecessor left, or a new one. Raises OSError."""
        if self._shared:
            return self.anchor
        if worker not in self._opened:
            self._opened[worker] = sibling(self.anchor)
        return self._opened[worker]

    def leave(self, worker: int) -> None:
        """A worker takes no more connections: the system gives them to the others, and none waits here."""
        if worker in self._opened:
            self._opened.pop(worker).close()

    def close(self) -> None:
        """Take no more connections at all."""
        for worker in list(self._opened):
            self.leave(worker)
        self.anchor.close()


def _identity(path: str) -> tuple[int, int]:
    # A file that took another's place may have got its number, too, but not its time.
    found = os.lstat(path)
    return found.st_ino, found.st_ctime_ns


def open_socket(address: Tcp | Unix, setting: str, *, shared: bool = False) -> socket.socket:
    """A bound socket, not listening yet. `shared` lets siblings of it be made (SO_REUSEPORT, socket(7)).

    Raises ConfigError that names the setting and the way out when the address cannot be had.
    """
    try:
        return _unix(address.path) if isinstance(address, Unix) else _tcp(address, shared)
    except OSError as exc:
        raise ConfigError(f"{setting}: cannot listen on {address}: {_reason(exc)}. {_way_out(exc, address)}") from None


def sibling(anchor: socket.socket) -> socket.socket:
    """Another socket on the very address of a `shared` one: the system spreads connections over those that listen.

    Raises OSError.
    """
    return _bound(anchor.family, anchor.getsockname(), shared=True)


def _tcp(address: Tcp, shared: bool) -> socket.socket:
    infos = socket.getaddrinfo(address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # Every interface: the IPv6 wildcard takes IPv4 too. A name of both families: what every caller can reach.
    first = socket.AF_INET if address.host else socket.AF_INET6
    infos.sort(key=lambda info: info[0] != first)
    for family, _, _, _, where in infos:
        try:
            if shared and address.port:
                # Another gateway may share its port as well: only a socket that shares nothing notices it.
                _bound(family, where).close()
            return _bound(family, where, shared=shared)
        except OSError as exc:
            # A kernel without IPv6 still looks its addresses up.
            if exc.errno != errno.EAFNOSUPPORT:
                raise
    raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))


def _bound(family: int, where: Any, *, shared: bool = False) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(where[0] != "::"))
        sock.bind(where)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _unix(path: str) -> socket.socket:
    """A stale socket file of an earlier run is replaced; any other file is left alone."""
    if _is_stale(path):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _is_stale(path: str) -> bool:
    """Whether this is a socket file that nobody listens on. One that may not be asked is not stale."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(PROBE_SECONDS)
            probe.connect(path)
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _reason(exc: OSError) -> str:
    return exc.strerror or str(exc)


def _way_out(exc: OSError, address: Tcp | Unix) -> str:
    if isinstance(exc, socket.gaierror):
        return "Write an IP address, or a name that this machine can look up."
    if isinstance(address, Unix):
        return _UNIX_WAYS.get(exc.errno or 0, "Choose another path.")
    if exc.errno == errno.EACCES:
        return "Ports below 1024 are the system's: choose another, or grant CAP_NET_BIND_SERVICE."
    return _TCP_WAYS.get(exc.errno or 0, "Choose another address, for example with --listen.")


_TCP_WAYS: Mapping[int, str] = {
    errno.EADDRINUSE: "Is another gateway running there? Choose another address, for example with --listen.",
    errno.EADDRNOTAVAIL: "The address is not one of this machine's.",
}
_UNIX_WAYS: Mapping[int, str] = {
    errno.EADDRINUSE: "Another process listens there, or it is a file that is no socket: choose another path.",
    errno.ENOENT: "Its folder does not exist: make it, or choose another.",
    errno.ENOTDIR: "A part of the path is a file: choose another path.",
    errno.EACCES: "The user of this process may not write in its folder: grant that, or choose another.",
    errno.EPERM: "The user of this process may not write in its folder: grant that, or choose another.",
    errno.EROFS: "Its folder is read-only: choose another.",
}


def inherited(environ: Mapping[str, str]) -> dict[str, socket.socket]:
    """Sockets that systemd passed, by name: `data` and `control` (FileDescriptorName=), else in this order.

    Raises ConfigError for a socket that nothing would serve: callers would connect and wait for ever.
    """
    if environ.get("LISTEN_PID") != str(os.getpid()) or not environ.get("LISTEN_FDS", "").isdecimal():
        return {}
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    numbers: dict[str, int] = {}
    for index in range(int(environ["LISTEN_FDS"])):
        given = names[index] if index < len(names) else ""
        name = given if given in NAMES else NAMES[min(index, 1)]
        if name in numbers:
            raise ConfigError(
                f"systemd passed a second socket for {name} (file descriptor {FIRST_INHERITED + index}): give at most"
                " two, with FileDescriptorName=data and FileDescriptorName=control in a socket unit each."
            )
        numbers[name] = FIRST_INHERITED + index
    return {name: _taken_over(number) for name, number in numbers.items()}


def _taken_over(descriptor: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError as exc:
        raise ConfigError(
            f"file descriptor {descriptor}, which LISTEN_FDS tells of, is no socket: {exc.strerror}."
        ) from None
    if sock.type != socket.SOCK_STREAM:
        sock.detach()
        raise ConfigError(f"file descriptor {descriptor} is no stream socket: write ListenStream= in the socket unit.")
    sock.setblocking(False)
    sock.set_inheritable(False)
    return sock


def shown(sock: socket.socket) -> str:
    """The address of a bound socket: `http://HOST:PORT`, or `unix:PATH`."""
    where = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{where}"
    host = f"[{where[0]}]" if ":" in where[0] else where[0]
    return f"http://{host}:{where[1]}"

"""Listening sockets: what can be had, what stands in the way, what systemd passes."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from aigw import listen
from aigw.errors import ConfigError
from aigw.settings import Tcp, Unix

HOME = "127.0.0.1"


def tcp(port: int = 0, host: str = HOME, *, shared: bool = False) -> socket.socket:
    """A TCP socket."""
    return listen.open_socket(Tcp(host, port), "server.listen", shared=shared)


def test_a_port_of_the_system_s_choice() -> None:
    """Port 0 gives a free one; the socket does not block and does not listen before somebody accepts."""
    with tcp() as sock:
        assert sock.getsockname()[1] > 0
        assert not sock.getblocking()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(sock.getsockname())


def test_siblings_share_an_address() -> None:
    """Every sibling stands on the port that was found for the first."""
    with tcp(shared=True) as anchor, listen.sibling(anchor) as one, listen.sibling(anchor) as two:
        assert one.getsockname() == two.getsockname() == anchor.getsockname()


def test_siblings_alone_share_it() -> None:
    """A stranger cannot take the port, whether it would share it or not."""
    with tcp(shared=True) as anchor, listen.sibling(anchor) as one:
        one.listen()
        for shared in (False, True):
            with pytest.raises(ConfigError, match="Address already in use"):
                tcp(anchor.getsockname()[1], shared=shared)


def test_every_interface() -> None:
    """An empty host takes callers of both families, also at siblings."""
    with tcp(host="", shared=True) as anchor, listen.sibling(anchor) as one:
        one.listen()
        assert one.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0
        socket.create_connection((HOME, anchor.getsockname()[1])).close()


def test_a_kernel_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every interface is every IPv4 one then."""
    make = socket.socket

    def without(family: int, *rest: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return make(family, *rest)

    monkeypatch.setattr(socket, "socket", without)
    with tcp(host="") as sock:
        assert sock.getsockname()[0] == "0.0.0.0"
    with pytest.raises(ConfigError, match="family not supported"):
        tcp(host="::1")


def test_a_name_of_both_families() -> None:
    """`localhost` is where every caller finds it."""
    with tcp(host="localhost") as sock:
        assert sock.getsockname()[0] == HOME


@pytest.mark.parametrize(
    ("host", "code", "way"),
    [
        (HOME, errno.EADDRINUSE, "Is another gateway running there?"),
        (HOME, errno.EACCES, "CAP_NET_BIND_SERVICE"),
        ("192.0.2.1", errno.EADDRNOTAVAIL, "not one of this machine's"),
        (HOME, errno.EINVAL, "Choose another address"),
    ],
)
def test_an_address_that_cannot_be_had(host: str, code: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the setting, the address, the reason and the way out of exactly this."""

    def refuse(*_: object, **__: object) -> socket.socket:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(listen, "_bound", refuse)
    with pytest.raises(ConfigError) as error:
        tcp(80, host)
    assert error.value.message.startswith(f"server.listen: cannot listen on {host}:80: {os.strerror(code)}. ")
    assert way in error.value.message


def test_a_name_that_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name nobody can look up is said to be one."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConfigError, match="look up"):
        tcp(80, "nowhere.invalid")


# -- Unix sockets -------------------------------------------------------------------------------------------------


def unix(path: Path) -> socket.socket:
    """A Unix socket."""
    return listen.open_socket(Unix(str(path)), "server.control")


def test_a_stale_file_is_replaced(tmp_path: Path) -> None:
    """What a killed run left does not stop the next one."""
    unix(tmp_path / "s").close()
    unix(tmp_path / "s").close()


def test_a_live_socket_is_left_alone(tmp_path: Path) -> None:
    """Where somebody listens nothing is taken away."""
    with unix(tmp_path / "s") as sock:
        sock.listen()
        with pytest.raises(ConfigError, match="Another process listens there"):
            unix(tmp_path / "s")
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(tmp_path / "s"))


def test_a_socket_that_may_not_be_asked_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of another user's may be alive, whatever connecting says."""
    with unix(tmp_path / "s"):

        class Refused(socket.socket):
            def connect(self, _address: object) -> None:
                raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(socket, "socket", Refused)
        with pytest.raises(ConfigError, match="choose another path"):
            unix(tmp_path / "s")
    assert (tmp_path / "s").exists()


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    """A file that is no socket is never removed."""
    (tmp_path / "s").write_text("precious")
    with pytest.raises(ConfigError, match="a file that is no socket"):
        unix(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "precious"


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    """The message says what to make."""
    with pytest.raises(ConfigError, match=r"server\.control: .*Its folder does not exist"):
        unix(tmp_path / "none" / "s")


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG])
def test_a_folder_that_is_not_ours(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in the way, there is a way out."""

    def refuse(_path: str) -> socket.socket:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(listen, "_unix", refuse)
    with pytest.raises(ConfigError, match="hoose another"):
        unix(tmp_path / "s")


def test_files_are_removed_in_the_end(tmp_path: Path) -> None:
    """An own socket's file goes; one that another gateway put there meanwhile stays, and one that is gone is gone."""
    sockets = listen.Sockets()
    for name in ("own", "taken", "gone"):
        sockets.take(name, Unix(str(tmp_path / name)), "server.listen").close()
    (tmp_path / "gone").unlink()
    with unix(tmp_path / "taken"):
        sockets.remove_files()
    assert os.listdir(tmp_path) == ["taken"]


def test_a_passed_socket_wins() -> None:
    """The configured address is not even tried."""
    with tcp() as passed:
        assert listen.Sockets({"data": passed}).take("data", Unix("/nonexistent/s"), "server.listen") is passed


# -- systemd ------------------------------------------------------------------------------------------------------


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Three sockets in a row, as systemd passes them."""
    monkeypatch.setattr(listen, "FIRST_INHERITED", 900)
    made = []
    for number in range(900, 903):
        with tcp() as sock:
            os.dup2(sock.fileno(), number)
        made.append(socket.socket(fileno=number))
    yield made
    for sock in made:
        sock.close()


def environ(count: int, names: str | None = None) -> dict[str, str]:
    """What systemd says of them."""
    told = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count)}
    return told if names is None else {**told, "LISTEN_FDNAMES": names}


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (None, ["data", "control"]),
        ("aigw.socket:aigw.socket", ["data", "control"]),
        ("data:control", ["data", "control"]),
        ("control:data", ["control", "data"]),
        ("control", ["control"]),
        ("", ["data"]),
    ],
)
def test_names(passed: list[socket.socket], names: str | None, order: list[str]) -> None:
    """A socket is what its name says, else the first is the data plane's and the second control's."""
    found = listen.inherited(environ(len(order), names))
    assert {name: sock.fileno() for name, sock in found.items()} == {
        name: 900 + place for place, name in enumerate(order)
    }
    for sock in found.values():
        assert not sock.getblocking()
        assert not sock.get_inheritable()
        sock.detach()


@pytest.mark.parametrize("told", [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "2"}, {"LISTEN_FDS": "2"}])
def test_nothing_is_passed(told: dict[str, str]) -> None:
    """Variables that were meant for another process mean nothing."""
    assert listen.inherited(told) == {}
    assert listen.inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"}) == {}


@pytest.mark.parametrize(("count", "names"), [(2, "data:data"), (3, None), (3, "data:control:more")])
def test_a_socket_too_many(passed: list[socket.socket], count: int, names: str | None) -> None:
    """A socket that nobody would serve stops the start: its callers would wait for ever."""
    with pytest.raises(ConfigError, match="second socket"):
        listen.inherited(environ(count, names))


def test_what_is_no_stream_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A descriptor that cannot be served is named."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        monkeypatch.setattr(listen, "FIRST_INHERITED", datagrams.fileno())
        with pytest.raises(ConfigError, match=f"{datagrams.fileno()} is no stream socket"):
            listen.inherited(environ(1))
    read_end, write_end = os.pipe()
    monkeypatch.setattr(listen, "FIRST_INHERITED", read_end)
    with pytest.raises(ConfigError, match="is no socket"):
        listen.inherited(environ(1))
    os.close(read_end)
    os.close(write_end)


def test_shown(tmp_path: Path) -> None:
    """An address as a caller writes it."""
    with tcp() as sock:
        assert listen.shown(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}"
    with tcp(host="::1") as sock:
        assert listen.shown(sock) == f"http://[::1]:{sock.getsockname()[1]}"
    with unix(tmp_path / "s") as sock:
        assert listen.shown(sock) == f"unix:{tmp_path / 's'}"

"""Requests to the control API, and what becomes of every kind of answer."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from aigw.client.api import MAX_ANSWER_BYTES, Api
from aigw.client.endpoint import Endpoint, Target
from aigw.client.failures import CallFailed
from aigw.client.resources import ACCOUNTS, KEYS, PROVIDERS
from aigw.secret import Secret

KEY = "aigw-api-tests"


@attrs.define(eq=False)
class Server:
    """Answers each connection with what a function says of its request: raw bytes. Notes the requests."""

    sock: socket.socket
    answer: Callable[[str], bytes] = lambda target: b""
    heard: list[str] = attrs.field(factory=list)

    def run(self) -> None:
        """Serve until the socket is closed."""
        while True:
            try:
                taken, _ = self.sock.accept()
            except OSError:
                return
            with taken:
                taken.settimeout(5)
                request = b""
                while b"\r\n\r\n" not in request:
                    request += taken.recv(65536)
                head, _, body = request.partition(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                while len(body) < length:
                    body += taken.recv(65536)
                self.heard.append((head + b"\r\n\r\n" + body).decode())
                taken.sendall(self.answer(head.split()[1].decode()))


@pytest.fixture
def server() -> Iterator[Server]:
    """One on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        made = Server(sock)
        thread = threading.Thread(target=made.run)
        thread.start()
        yield made
        sock.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture
def api(server: Server) -> Api:
    """A caller of it."""
    return Api(Target(Endpoint("127.0.0.1", server.sock.getsockname()[1]), Secret(KEY)), timeout=5)


def answer(body: Any, status: int = 200) -> bytes:
    """An answer with a length."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(raw)) + raw


def test_what_is_sent(server: Server, api: Api) -> None:
    """Method, path, key, account, body and revision; what is not asked is not in the query."""
    server.answer = lambda target: answer({"id": "x"})
    assert api.patch("/access-keys/x", {"name": "\u00e4"}, 3, wait="true", other=None) == {"id": "x"}
    head, _, body = server.heard[0].partition("\r\n\r\n")
    assert head.startswith("PATCH /access-keys/x?wait=true HTTP/1.1\r\n")
    assert f"authorization: Bearer {KEY}" in head
    assert 'if-match: "3"' in head
    assert "aigw-account" not in head
    assert json.loads(body) == {"name": "\u00e4"}


def test_no_body(server: Server, api: Api) -> None:
    """A deletion is answered with nothing; a call without fields sends an empty object."""
    server.answer = lambda target: b"HTTP/1.1 204 No Content\r\n\r\n"
    assert api.delete("/access-keys/x") == {}
    api.post("/reload")
    assert server.heard[0].endswith("\r\n\r\n")
    assert server.heard[1].endswith("{}")


def pages(target: str) -> bytes:
    """A list of five keys."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
    before = int(query.get("beforeId", "6"))
    every = {at: "twice" if at < 3 else f"n{at}" for at in range(5, 0, -1) if at < before}
    found = [{"id": str(at), "name": name} for at, name in every.items() if query.get("name") in (None, name)]
    page = found[: min(2, int(query["limit"]))]
    return answer({"accessKeys": page, "uri": "/", "nextPageUri": "/more" if len(page) < len(found) else None})


def test_pages(server: Server, api: Api) -> None:
    """A list goes on to its end, or to as many as are wanted."""
    server.answer = pages
    assert [each["id"] for each in api.every(KEYS)] == ["5", "4", "3", "2", "1"]
    assert len(server.heard) == 3
    assert [each["id"] for each in api.every(KEYS, 3)] == ["5", "4", "3"]
    assert "limit=1&" in server.heard[-1]


def test_names(server: Server, api: Api) -> None:
    """An id is taken as it is; of a name the one thing that has it is asked for, not the list."""
    server.answer = pages
    assert api.find(KEYS, "aigk_x") == "aigk_x"
    assert server.heard == []
    assert api.find_all(KEYS, ["n5", "aigk_y", "n3"]) == ["5", "aigk_y", "3"]
    assert [line.split()[1] for line in server.heard] == [f"/access-keys?limit=10&name={name}" for name in ("n5", "n3")]


@pytest.mark.parametrize(
    ("name", "said"), [("none", "aigw keys list"), ("twice", "several have the name 'twice': 2, 1")]
)
def test_names_that_say_nothing(server: Server, api: Api, name: str, said: str) -> None:
    """No thing of a name, and several of it, are refused."""
    server.answer = pages
    with pytest.raises(CallFailed, match=said):
        api.find(KEYS, name)


def test_the_id_of_a_provider_wins(server: Server, api: Api) -> None:
    """What stands before a model names a provider, whatever another one is called."""
    things = [{"id": "1", "providerId": "a", "name": "b"}, {"id": "2", "providerId": "b", "name": "x"}]

    def found(target: str) -> bytes:
        [(member, [value])] = [each for each in parse_qs(urlsplit(target).query).items() if each[0] != "limit"]
        return answer({"providers": [each for each in things if each[member] == value], "nextPageUri": None})

    server.answer = found
    assert [api.find(PROVIDERS, name) for name in ("b", "x")] == ["2", "2"]


@pytest.mark.parametrize(("account", "header"), [("blue", "blue"), ("acct_1", "acct_1"), ("bl\u00fce", "acct_9")])
def test_accounts(server: Server, account: str, header: str) -> None:
    """An account is told by its name; one that fits in no header by its id."""
    server.answer = lambda target: answer(
        {"accounts": [{"id": "acct_9", "name": "bl\u00fce"}], "nextPageUri": None} if "accounts" in target else {}
    )
    Api(Target(Endpoint("127.0.0.1", server.sock.getsockname()[1]), Secret(KEY), account)).get("/whoami")
    assert f"aigw-account: {header}" in server.heard[-1]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (answer({"errorCode": "notFound", "statusCode": 404, "msg": "No.", "details": {}}, 404), "No."),
        (answer(b"<html>"), "not as a control API does"),
        (answer([1]), "not as a control API does"),
        (answer({"error": {}}, 401), "not as a control API does"),
        (answer({}, 302), "not as a control API does"),
        (b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n{}", "broke off"),
        (b"SSH-2.0-x\r\n", "broke off"),
        (b"", "broke off"),
    ],
)
def test_odd_answers(server: Server, api: Api, raw: bytes, said: str) -> None:
    """Every kind of answer that is none is told in a sentence, and a redirect is not followed with the key."""
    server.answer = lambda target: raw
    with pytest.raises(CallFailed, match=said):
        api.get("/whoami")
    assert len(server.heard) == 1


def test_a_list_that_is_none(server: Server, api: Api) -> None:
    """A page without its things comes from somebody else."""
    server.answer = lambda target: answer({"other": []})
    with pytest.raises(CallFailed, match="not as a control API does"):
        list(api.every(ACCOUNTS))


def test_an_answer_without_end(server: Server, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is too long is not read to its end, whatever length it tells."""
    assert MAX_ANSWER_BYTES > 1 << 20
    monkeypatch.setattr("aigw.client.api.MAX_ANSWER_BYTES", 10)
    for raw in (b"HTTP/1.1 200 X\r\n\r\n" + b" " * 50, answer(b" " * 50 + b"x")):
        server.answer = lambda target, raw=raw: raw  # type: ignore[misc]
        assert api.get("/whoami") == {}


def test_nobody_there() -> None:
    """Without a gateway the message says what to look at."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(CallFailed, match="is the gateway running"):
        Api(Target(Endpoint("127.0.0.1", port), Secret(KEY))).get("/whoami")


def test_a_socket_in_the_file_system(tmp_path: Path) -> None:
    """The same over a Unix socket."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen()
        server = Server(sock, lambda target: answer({"role": "operator"}))
        thread = threading.Thread(target=server.run)
        thread.start()
        assert Api(Target(Endpoint("localhost", socket=path), Secret(KEY))).get("/whoami") == {"role": "operator"}
        sock.shutdown(socket.SHUT_RDWR)
    thread.join()
    with pytest.raises(CallFailed, match=f"nothing listens at unix:{path}x"):
        Api(Target(Endpoint("localhost", socket=f"{path}x"), Secret(KEY))).get("/whoami")

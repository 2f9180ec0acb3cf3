"""How is the control API asked? By a request of HTTP/1.1 on a connection of its own, and page after page."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from aigw import __version__
from aigw.client.endpoint import Endpoint, Target
from aigw.client.failures import CallFailed, not_this_api, refused, unreachable
from aigw.client.resources import ACCOUNTS, Resource

Json = dict[str, Any]

# A change waits for the workers, a discovery for an upstream: both end by themselves long before.
TIMEOUT_SECONDS = 60.0
PAGE = 100
# Of things that have the same name, so many are told.
MOST_TOLD = 10
# A page of a hundred configurations with ten thousand rules each would be larger; nobody has those.
MAX_ANSWER_BYTES = 256 << 20
ACCOUNT_HEADER = "aigw-account"


class Api:
    """The control API at a place, for an account. Every method raises CallFailed."""

    def __init__(self, target: Target, timeout: float = TIMEOUT_SECONDS) -> None:
        self._target = target
        self._endpoint = target.endpoint
        self._timeout = timeout
        self._headers: dict[str, str] = {}

    def get(self, path: str, **query: object) -> Json:
        """A thing, or a page of a list."""
        return self._ask("GET", path, query)

    def post(self, path: str, body: Json | None = None, **query: object) -> Json:
        """Make a thing, or do something with one."""
        return self._ask("POST", path, query, {} if body is None else body)

    def patch(self, path: str, body: Json, revision: int | None = None, **query: object) -> Json:
        """Change a thing: the thing as it is now. With a revision only the thing that has it."""
        return self._ask("PATCH", path, query, body, revision)

    def delete(self, path: str, **query: object) -> Json:
        """Delete a thing."""
        return self._ask("DELETE", path, query)

    def every(self, resource: Resource, limit: int | None = None, **query: object) -> Iterator[Json]:
        """The things of a list, newest first, page after page as they are wanted."""
        before: str | None = None
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(limit, PAGE)
            page = self.get(f"/{resource.path}", limit=size, beforeId=before, **query)
            things = page.get(resource.plural)
            if not isinstance(things, list):
                raise not_this_api(self._endpoint)
            yield from things
            if not things or page.get("nextPageUri") is None:
                return
            before = things[-1]["id"]
            limit = None if limit is None else limit - len(things)

    def find(self, resource: Resource, text: str) -> str:
        """The id that a text is, or that of the one thing with this name. Raises CallFailed for none and several."""
        return self.find_all(resource, [text])[0]

    def find_all(self, resource: Resource, texts: Sequence[str]) -> list[str]:
        """As `find`, for several; all of them are found before the first is used."""
        return [each if each.startswith(resource.prefix) else self._named(resource, each) for each in texts]

    def _named(self, resource: Resource, name: str) -> str:
        """The id of the one thing of a name; what the first of the resource's names says wins."""
        for member in resource.names:
            ids = [each["id"] for each in self.every(resource, MOST_TOLD, **{member: name})]
            if len(ids) == 1:
                return str(ids[0])
            if ids:
                told = ", ".join(map(str, ids))
                raise CallFailed(f"several have the name {name!r}: {told}. Name the one you mean by its id")
        look = f"aigw {resource.command} list shows what there is"
        raise CallFailed(f"no {resource.noun} has the id or the name {name!r}; {look}")

    def _ask(
        self, method: str, path: str, query: Mapping[str, object], body: Json | None = None, revision: int | None = None
    ) -> Json:
        if not self._headers:
            self._headers = self._credentials()
        condition = {} if revision is None else {"if-match": f'"{revision}"'}
        return self._exchange(method, self._path(path, query), body, {**self._headers, **condition})

    def _credentials(self) -> dict[str, str]:
        """What every request says of the caller. The API takes names of accounts, too; those that fit in a header."""
        account = self._target.account
        self._headers = {
            "authorization": f"Bearer {self._target.key.reveal()}",
            "user-agent": f"aigw/{__version__}",
            "accept": "application/json",
        }
        if not account:
            return self._headers
        plain = account.isascii() and account.isprintable()
        return {**self._headers, ACCOUNT_HEADER: account if plain else self.find(ACCOUNTS, account)}

    def _path(self, path: str, query: Mapping[str, object]) -> str:
        given = urlencode({name: value for name, value in query.items() if value is not None})
        return f"{self._endpoint.below}{path}{f'?{given}' if given else ''}"

    def _exchange(self, method: str, target: str, body: Json | None, headers: Mapping[str, str]) -> Json:
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers = {**headers, "content-type": "application/json"}
        connection = connection_to(self._endpoint, self._timeout)
        try:
            connection.request(method, target, sent, headers)
            answer = connection.getresponse()
            # With a length, one that is cut is an error; without one, it ends where the connection does.
            raw = (
                answer.read()
                if (answer.length or MAX_ANSWER_BYTES) < MAX_ANSWER_BYTES
                else answer.read(MAX_ANSWER_BYTES)
            )
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(self._endpoint, method, error) from None
        finally:
            connection.close()
        return self._understood(answer.status, raw)

    def _understood(self, status: int, raw: bytes) -> Json:
        try:
            found = json.loads(raw) if raw.strip() else {}
        except ValueError:
            raise not_this_api(self._endpoint) from None
        if not isinstance(found, dict):
            raise not_this_api(self._endpoint)
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise refused(status, found, self._target)
        return found


def connection_to(endpoint: Endpoint, timeout: float) -> http.client.HTTPConnection:
    """A connection, opened by its first request."""
    if endpoint.socket:
        return _UnixConnection(endpoint.socket, timeout)
    kind = http.client.HTTPSConnection if endpoint.tls else http.client.HTTPConnection
    return kind(endpoint.host, endpoint.port, timeout=timeout)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self._patience = timeout

    def connect(self) -> None:
        """Open it. Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._patience)
        self.sock.connect(self._path)

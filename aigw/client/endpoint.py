"""Where is the control API that a command asks, and with which key?

The operator's own key is taken from `data_dir` without being asked for, but only for this machine: whoever can name a
URL must not be sent it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from aigw.arguments import overrides
from aigw.client.reading import STDIN, read_secret
from aigw.errors import ConfigError
from aigw.first_start import OPERATOR_FILE
from aigw.secret import Secret
from aigw.settings import ClientEnvironment, Server, Tcp, load_server
from aigw.settings.addresses import BadAddress, Unix, parse_address
from aigw.settings.client import API_KEY, API_KEY_FILE
from aigw.settings.hosts import bracketed, is_loopback

_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
_PORTS = {"http": 80, "https": 443}


@attrs.frozen
class Endpoint:
    """A control API: a socket's path, or a host and port, with TLS or without, below a path."""

    host: str
    port: int = 0
    tls: bool = False
    socket: str = ""
    below: str = ""

    @property
    def near(self) -> bool:
        """Whether it is on this machine."""
        return bool(self.socket) or is_loopback(self.host)

    def __str__(self) -> str:
        if self.socket:
            return f"unix:{self.socket}"
        return f"{'https' if self.tls else 'http'}://{bracketed(self.host)}:{self.port}{self.below}"


@attrs.frozen
class Target:
    """Where to ask, with which key, for which account (its id or name; empty: the key's own).

    `source` tells where the key was found.
    """

    endpoint: Endpoint
    key: Secret
    account: str = ""
    source: str = API_KEY


def target_of(options: argparse.Namespace) -> Target:
    """What flags, environment and configuration say, in this order. Raises ConfigError."""
    environment = ClientEnvironment.read()
    server = None
    if options.url or environment.url:
        endpoint = parse_endpoint(options.url or environment.url)
    else:
        server = load_server(options.config, None, overrides(options))
        endpoint = of_server(server)
    found = _given_key(options, environment)
    if found is None:
        found = _operator_key(endpoint, server or load_server(options.config, None, overrides(options)))
    key, source = found
    if not key.reveal().isascii() or not key.reveal().isprintable():
        raise ConfigError(f"the API key of {source} holds characters that no key has")
    if not endpoint.near and not endpoint.tls:
        print(f"aigw: the API key goes to {endpoint} in the clear: prefer https://", file=sys.stderr)
    account = environment.account if options.account is None else options.account
    return Target(endpoint, key, account, source)


def parse_endpoint(text: str) -> Endpoint:
    """The endpoint that a URL or an address names. Raises ConfigError, which does not repeat a password."""
    try:
        if text.startswith("unix:") or "://" not in text:
            return _of_address(parse_address(text))
        parts = urlsplit(text)
        port = parts.port
    except BadAddress as bad:
        raise ConfigError(f"--url {text!r} {bad}") from None
    except ValueError:
        raise ConfigError("--url has no valid host and port") from None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError("--url must be http://HOST:PORT, https://HOST or unix:/path, without user and query")
    if not parts.path.isascii() or not parts.path.isprintable() or " " in parts.path:
        raise ConfigError("--url has a path with characters that no URL has")
    tls = parts.scheme == "https"
    return Endpoint(parts.hostname, port or _PORTS[parts.scheme], tls, below=parts.path.rstrip("/"))


def of_server(server: Server) -> Endpoint:
    """Where a gateway of this configuration has its control API. Raises ConfigError when that cannot be known."""
    if server.control is None:
        raise ConfigError("server.control is off: this gateway has no control API; --url names another")
    if isinstance(server.control, Tcp) and not server.control.port:
        raise ConfigError("server.control has port 0, which the system chooses: --url says where it is")
    return _of_address(server.control)


def _of_address(address: Tcp | Unix) -> Endpoint:
    if isinstance(address, Unix):
        return Endpoint("localhost", socket=address.path)
    return Endpoint(_EVERYWHERE.get(address.host, address.host), address.port)


def _given_key(options: argparse.Namespace, environment: ClientEnvironment) -> tuple[Secret, str] | None:
    """The key that was given, and where."""
    if options.api_key_file:
        source = "standard input" if options.api_key_file == STDIN else options.api_key_file
        return read_secret(options.api_key_file, "the API key"), source
    if environment.api_key is not None:
        return environment.api_key, API_KEY
    if environment.api_key_file == STDIN:
        raise ConfigError(f"{API_KEY_FILE} is a file; standard input is read with --api-key-file -")
    if environment.api_key_file:
        return read_secret(environment.api_key_file, "the API key"), environment.api_key_file
    return None


def _operator_key(endpoint: Endpoint, server: Server) -> tuple[Secret, str]:
    path = Path(server.data_dir) / OPERATOR_FILE
    ways = "set AIGW_API_KEY, or give --api-key-file FILE"
    if not endpoint.near:
        raise ConfigError(f"no API key for {endpoint}: {ways}")
    try:
        key = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        made = "aigw store operator-key makes it"
        raise ConfigError(f"no API key: {ways}; {path}, the operator's own, is not there ({made})") from None
    except OSError as error:
        raise ConfigError(f"no API key: {ways}; {path}, the operator's own, cannot be read: {error.strerror}") from None
    except ValueError:
        key = ""
    if not key:
        raise ConfigError(f"no API key: {ways}; {path} does not hold one") from None
    return Secret(key), str(path)

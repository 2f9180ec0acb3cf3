"""Which proxy, if any, an upstream connection goes through: `https_proxy`, `http_proxy`, `no_proxy`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

import attrs

from aigw.secret import Secret
from aigw.settings.hosts import BadHost, bracketed, is_loopback, matches, parse_host

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PATTERN = r"[!-~]{1,255}"


class BadProxy(ValueError):
    """A text is not the URL of an HTTP proxy; the message never quotes it."""


@attrs.frozen
class Proxy:
    """An HTTP proxy: where it is, whether it is spoken to over TLS, and `user:password` for it (decoded)."""

    host: str
    port: int
    tls: bool = False
    credentials: Secret | None = None

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{'***@' if self.credentials else ''}{self.authority}"

    @property
    def authority(self) -> str:
        """`host:port`, IPv6 in brackets."""
        return f"{bracketed(self.host)}:{self.port}"


def parse_proxy(text: str) -> Proxy:
    """The proxy of a URL; without a scheme it is plain HTTP, as curl and httpx take it. Raises BadProxy."""
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if parts.scheme not in _DEFAULT_PORTS:
        raise BadProxy('must be the URL of an HTTP proxy ("http://proxy.example:3128"), or "off"')
    try:
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        host = parse_host(bracketed(parts.hostname or ""))
    except BadHost as bad:
        raise BadProxy(str(bad)) from None
    except ValueError:
        raise BadProxy("has no valid port") from None
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise BadProxy("names a proxy and may not have a path or query")
    user = parts.netloc.rpartition("@")[0]
    return Proxy(host, port, parts.scheme == "https", Secret(unquote(user)) if user else None)


def proxy_url(proxy: Proxy) -> str:
    """The URL `parse_proxy` reads back as the same proxy, credentials and all."""
    from urllib.parse import quote

    user = f"{quote(proxy.credentials.reveal(), safe=':')}@" if proxy.credentials else ""
    return f"{'https' if proxy.tls else 'http'}://{user}{proxy.authority}"


def parse_exception(text: str) -> str:
    """One entry of `no_proxy`, lower case. Raises BadProxy."""
    if not re.fullmatch(_PATTERN, text):
        raise BadProxy('must hold host names, ".suffix", addresses or networks, each without spaces')
    return text.lower()


def goes_direct(host: str, port: int, exceptions: Iterable[str]) -> bool:
    """Whether a host is reached without the proxy.

    Loopback always is, as in Go: a local model server is never behind the company's proxy. An entry is `*`,
    an address, a network, or a name that stands for itself and everything below it (curl's reading, with or
    without a leading dot), each with an optional `:port`.
    """
    return is_loopback(host) or any(_excepts(entry, host, port) for entry in exceptions)


def _excepts(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    bare, colon, suffix = entry.rpartition(":")
    if colon and suffix.isdigit() and (":" not in bare or bare.endswith("]")):
        if int(suffix) != port:
            return False
        entry = bare
    name = entry.removeprefix("*").lstrip(".")
    return matches(host, name) or matches(host, f"*.{name}")

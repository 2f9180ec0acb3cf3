"""What a host is: a name or address as written, and where it lies (loopback, private network, elsewhere)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

# RFC 1035 lengths; underscores because container names have them.
_NAME = r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?"
_QUAD = r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}"
# The WHATWG URL rule: a last label of this shape makes resolvers read the whole as an IPv4 address,
# `2130706433` or `0x7f.1` as 127.0.0.1. Only the four-part decimal form is let through.
_NUMERIC_TAIL = r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?"

# RFC 1918, RFC 4193, RFC 6598 (carrier-grade NAT, which overlay networks hand out). Link-local is left out on
# purpose: 169.254.169.254 is where clouds keep credentials.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")


class BadHost(ValueError):
    """A text is no host name and no IP address; the message never quotes it."""


def parse_host(text: str) -> str:
    """A host as it is compared and connected to: lower case, IPv6 without brackets. Raises BadHost."""
    if text.startswith("[") and text.endswith("]"):
        return _ipv6(text[1:-1])
    if not text.isascii():
        text = _idna(text)
    name = text.lower()
    if re.fullmatch(_QUAD, name):
        return name
    if re.fullmatch(_NUMERIC_TAIL, name):
        raise BadHost("has a host that is a number but not an IPv4 address of four parts")
    if not re.fullmatch(_NAME, name):
        raise BadHost("has a host that is neither a name nor an IP address (IPv6 goes in brackets: [::1])")
    return name


def _ipv6(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise BadHost("has brackets around something that is not an IPv6 address") from None


def _idna(text: str) -> str:
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadHost("has a host name that cannot be written in IDNA") from None


def bracketed(host: str) -> str:
    """The host as it stands in a URL or an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address a host is written as; None for a name. An IPv4 address inside IPv6 is unwrapped."""
    import ipaddress

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: `localhost`, names under it (RFC 6761), loopback addresses."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = address_of(host)
    return address is not None and address.is_loopback


def is_private(host: str) -> bool:
    """Whether the host is an address of a private network. A name never is: only a resolver would know."""
    return any(matches(host, network) for network in _PRIVATE)


def network_of(pattern: str) -> IPv4Network | IPv6Network | None:
    """The network an IP address or CIDR text stands for; None for anything else."""
    import ipaddress

    try:
        return ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return None


def matches(host: str, pattern: str) -> bool:
    """Whether a host is what a pattern names: a name, `*.suffix` for names below, an address, a network."""
    address = address_of(host)
    if address is not None:
        network = network_of(pattern.strip("[]"))
        return network is not None and address in network
    name = host.rstrip(".")
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern.rstrip(".")


def matches_any(host: str, patterns: Iterable[str]) -> bool:
    """Whether any of the patterns names the host."""
    return any(matches(host, pattern) for pattern in patterns)


def parse_pattern(text: str) -> str:
    """A host pattern in the form `matches` takes. Raises BadHost."""
    name = text.lower()
    if network_of(name.strip("[]")) is not None:
        return name.strip("[]")
    if name.startswith("*."):
        return f"*.{parse_host(name[2:])}"
    return parse_host(name)

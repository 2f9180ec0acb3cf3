"""Which addresses a provider may have that was defined through the API: the gateway lies where its accounts do not.

A name says nothing of where it leads, and may lead elsewhere a moment later. So two rules belong together:
`check_destination` for the URL as it is written, and `objection` for each address that its host turns out to have,
asked right before the connection to that very address is made. What the operator's file declares is not under them.

What never is a destination: addresses where clouds hand out credentials, link-local and multicast ones, "this
network", reserved ones; also where an IPv6 address only wraps them. An operator allows one with a pattern that names
it or a part of its range; a wider network (`0.0.0.0/0`) or a host's name does not. `http://` leads to loopback and
private addresses, and wherever a pattern of the operator's says.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from aigw.settings.hosts import BadHost, bracketed, is_private, matches_any, network_of, parse_host
from aigw.settings.urls import BadUrl, check_base_url

Address = IPv4Address | IPv6Address

# Where clouds keep credentials: AWS (also ECS and EKS), Google, Azure's wire server, Alibaba, Oracle, Scaleway. The
# usual 169.254.169.254, 169.254.170.2 and the others of that range are link-local.
_METADATA = (
    "100.100.100.200/32",
    "168.63.129.16/32",
    "fd00:ec2::/32",
    "fd20:ce::254/128",
    "fd00:42::42/128",
    "fd00:c1::/32",
)

# The special-purpose registries (RFC 6890) without what are loopback and private networks, and without the ranges for
# documentation and benchmarks, which lead nowhere.
_NEVER = {
    "a cloud's metadata service": _METADATA,
    "a link-local address, where clouds have their metadata services": ("169.254.0.0/16", "fe80::/10"),
    "no address of a host": ("0.0.0.0/8", "::/128", "224.0.0.0/4", "ff00::/8", "240.0.0.0/4", "192.0.0.0/24"),
}
_FORBIDDEN = tuple((ipaddress.ip_network(each), why) for why, networks in _NEVER.items() for each in networks)

# IPv6 addresses whose last 32 bits are an IPv4 address: compatible and mapped ones (RFC 4291, section 2.5.5),
# translated ones (RFC 7915), NAT64 (RFC 6052 and 8215).
_WRAPPING = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"))
)
_ISATAP = (0x00005EFE, 0x02005EFE)
_LAST = 0xFFFF_FFFF


def objection(address: str, scheme: str, host: str, allow: Collection[str]) -> str:
    """Why a connection to this address must not be made, in words that follow "it is"; empty where it may be.

    `host` is what the URL names, `allow` the operator's patterns (`upstream.allow_http`): host names, `*.suffix`,
    addresses, networks.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "no IP address"
    within = tuple(_embedded(found))
    for each in (found, *within):
        why = _forbidden(each, allow)
        if why:
            return why
    if scheme == "https":
        return ""
    plain = within[0] if within and isinstance(found, IPv6Address) and found.ipv4_mapped is not None else found
    # The first is what a mapped address is; no other wrapping leads into the gateway's own network.
    text = str(plain).partition("%")[0]
    if plain.is_loopback or is_private(text) or matches_any(text, allow) or matches_any(host, allow):
        return ""
    return "a public address, and `http://` would send credentials there in the clear"


def check_destination(text: str, allow: Collection[str] = ()) -> str:
    """The base URL of a provider from the API, in normal form. Raises BadUrl.

    The same as for one from the file; beyond that its host may not be an address that never is a destination.
    """
    url = check_base_url(text, allow)
    parts = urlsplit(url)
    why = unresolved(parts.scheme, parts.hostname or "", allow)
    if why:
        raise BadUrl(f"leads to {why}; only the operator can allow it, with the setting upstream.allow_http")
    return url


def unresolved(scheme: str, host: str, allow: Collection[str]) -> str:
    """As `objection`, by what the URL says alone: for a URL that is only written, and where a proxy looks names up."""
    try:
        host = parse_host(bracketed(host))
    except BadHost:
        return "neither a name nor an IP address"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return ""
    return objection(host, scheme, host, allow)


def _forbidden(address: Address, allow: Collection[str]) -> str:
    for network, why in _FORBIDDEN:
        if address in network and not any(_names(pattern, address, network) for pattern in allow):
            return why
    return ""


def _names(pattern: str, address: Address, forbidden: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether the operator means a forbidden address: the pattern lies within the forbidden range."""
    network = network_of(pattern)
    if network is None or network.version != forbidden.version:
        return False
    return address in network and network.prefixlen >= forbidden.prefixlen


def _embedded(address: Address) -> Iterator[Address]:
    """The IPv4 addresses that an IPv6 address wraps."""
    if isinstance(address, IPv4Address):
        return
    value = int(address)
    if any(address in network for network in _WRAPPING) and not (address.is_loopback or address.is_unspecified):
        yield IPv4Address(value & _LAST)
    if value >> 32 & _LAST in _ISATAP:
        yield IPv4Address(value & _LAST)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo

"""How long must an address wait that keeps sending wrong API keys?

A token cannot be guessed; what is kept away is the work that trying makes. Remembered is little: the newest addresses,
each for some minutes.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

import attrs

# So many wrong keys are free, enough for a script that is being set up; then each doubles the wait.
FREE = 10
FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0
# An address is forgotten when it has been quiet for so long.
FORGET_SECONDS = 600.0
MOST_ADDRESSES = 4096
# Of all addresses that wait, so many keys a second are looked at all the same: behind a proxy everybody has one
# address, and who sends wrong keys there would keep out everybody else's new ones.
SPARED_A_SECOND = 20
# Of an IPv6 address: what one customer of a network is given (RFC 6177).
_NETWORK_BITS = 64


@attrs.define
class _Failures:
    number: int = 0
    last: float = 0.0
    until: float = 0.0


class Backoff:
    """Wrong keys by address. `now` is in seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._addresses: OrderedDict[str, _Failures] = OrderedDict()
        self._second = 0
        self._spared = 0

    def wait(self, peer: str, now: float) -> float:
        """Seconds until a key from this address is looked at again; 0.0 for at once."""
        known = self._addresses.get(network(peer))
        return max(0.0, known.until - now) if known is not None else 0.0

    def spares(self, now: float) -> bool:
        """Whether a key is looked at although its address waits."""
        if int(now) != self._second:
            self._second, self._spared = int(now), 0
        self._spared += 1
        return self._spared <= SPARED_A_SECOND

    def failed(self, peer: str, now: float) -> None:
        """A wrong key came from this address."""
        name = network(peer)
        known = self._addresses.pop(name, None)
        if known is None or now - known.last > FORGET_SECONDS:
            known = _Failures()
        known.number += 1
        known.last = now
        if known.number >= FREE:
            known.until = now + min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(30, known.number - FREE))
        self._addresses[name] = known
        if len(self._addresses) > MOST_ADDRESSES:
            self._addresses.popitem(last=False)

    def served(self, peer: str) -> None:
        """A right key came from this address."""
        self._addresses.pop(network(peer), None)


def network(peer: str) -> str:
    """Addresses that are taken for one: an IPv4 address, an IPv6 network, everybody on the Unix socket."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))

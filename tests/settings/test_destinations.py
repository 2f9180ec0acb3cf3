"""Where providers from the API may lead: by what their URL says, and by each address that their host has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.settings.destinations import check_destination, objection, unresolved
from aigw.settings.urls import BadUrl

METADATA = "169.254.169.254"

NEVER = [
    METADATA,
    "169.254.170.2",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%1",
    "fe80::a9fe:a9fe",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "224.0.0.1",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
]
WRAPPED = [
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",
    "2001:0:808:808::5601:5601",
    "2001:db8::5efe:169.254.169.254",
    "2001:db8::200:5efe:169.254.169.254",
    "::ffff:100.100.100.200",
]
NEAR = ["127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1"]
NEAR_WRAPPED = ["::ffff:127.0.0.1", "::ffff:10.1.2.3"]
FAR = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::10.0.0.1", "2002:a00:1::1", "::127.0.0.1"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("address", NEVER + WRAPPED)
def test_never(address: str, scheme: str) -> None:
    """Metadata services and what no host has are refused whatever the scheme, also inside of an IPv6 address."""
    assert objection(address, scheme, "host.example", ())


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("address", NEAR + NEAR_WRAPPED)
def test_near(address: str, scheme: str) -> None:
    """Loopback and private networks may be reached with and without TLS."""
    assert objection(address, scheme, "host.example", ()) == ""


@pytest.mark.parametrize("address", FAR)
def test_far(address: str) -> None:
    """Everything else needs TLS; wrapped private addresses are not the gateway's own network."""
    assert objection(address, "https", "host.example", ()) == ""
    assert "in the clear" in objection(address, "http", "host.example", ())


@pytest.mark.parametrize("pattern", ["host.example", "*.example", "8.8.8.8", "8.8.8.0/24", "0.0.0.0/0"])
def test_allowed_without_tls(pattern: str) -> None:
    """The operator may trust a name, a domain, an address or a network."""
    assert objection("8.8.8.8", "http", "host.example", (pattern,)) == ""


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        (METADATA, True),
        ("169.254.169.0/24", True),
        ("169.254.0.0/16", True),
        ("169.254.0.0/15", False),
        ("0.0.0.0/0", False),
        ("host.example", False),
        ("*.example", False),
        ("fe80::/10", False),
        ("169.254.170.2", False),
    ],
)
def test_exceptions(pattern: str, allowed: bool) -> None:
    """What never is a destination needs a pattern that lies within the forbidden range, not one that spans it."""
    assert (objection(METADATA, "http", "host.example", (pattern,)) == "") is allowed


def test_a_range_with_a_metadata_service_in_it() -> None:
    """Allowing carrier-grade NAT does not allow the metadata service that one cloud has there."""
    assert objection("100.100.100.200", "https", "host.example", ("100.64.0.0/10",))
    assert objection("100.100.100.200", "https", "host.example", ("100.100.100.200",)) == ""


@given(st.ip_addresses(v=4).filter(lambda address: address.is_link_local) | st.ip_addresses(v=4, network="224.0.0.0/3"))
def test_no_wrapping_helps(address: object) -> None:
    """A forbidden IPv4 address stays forbidden in each way to wrap it."""
    for prefix in ("", "::ffff:", "64:ff9b::", "::"):
        assert objection(f"{prefix}{address}", "https", "host.example", ())


@pytest.mark.parametrize("text", ["not an address", "", "host.example"])
def test_no_address(text: str) -> None:
    """What is no address is not connected to."""
    assert objection(text, "https", "host.example", ()) == "no IP address"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example/v1",
        "https://10.0.0.1/v1",
        "http://localhost:11434/v1",
        "http://127.0.0.1:11434/v1",
        "http://192.168.1.9/v1",
        "http://[::1]:8000/v1",
    ],
)
def test_destinations(url: str) -> None:
    """Any https URL of a name or an ordinary address, and http near by."""
    assert check_destination(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example/v1",
        "http://8.8.8.8/v1",
        f"http://{METADATA}/v1",
        f"https://{METADATA}/v1",
        f"https://[::ffff:{METADATA}]/v1",
        "https://[fd00:ec2::254]/v1",
        "https://2852039166/v1",
        "https://0xa9.0xfe.0xa9.0xfe/v1",
        "https://0251.0376.0251.0376/v1",
        "https://169.254.43518/v1",
        "https://0/v1",
        "https://0.0.0.0/v1",
        "https://[::]/v1",
        f"https://user@{METADATA}/v1",
        "unix:/run/x.sock",
        "file:///etc/passwd",
    ],
)
def test_no_destinations(url: str) -> None:
    """However an address is written, it is the address that counts."""
    with pytest.raises(BadUrl):
        check_destination(url)


def test_allowed_destinations() -> None:
    """The operator's patterns hold for the URL as they do for the connection."""
    assert check_destination("http://models.example/v1", ("*.example",)) == "http://models.example/v1"
    assert check_destination(f"http://{METADATA}/v1", (METADATA,)) == f"http://{METADATA}/v1"
    with pytest.raises(BadUrl, match="only the operator can allow it"):
        check_destination(f"https://{METADATA}/v1", ("0.0.0.0/0",))


@pytest.mark.parametrize(("host", "told"), [("api.example", ""), ("0x7f.1", "neither"), (METADATA, "link-local")])
def test_unresolved(host: str, told: str) -> None:
    """Where a proxy looks names up only an address can be told, and a number that resolvers take for one."""
    assert unresolved("https", host, ()).startswith(told if told != "link-local" else "a link-local")

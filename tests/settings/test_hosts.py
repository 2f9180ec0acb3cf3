"""Hosts: names, addresses, and where they lie."""

import pytest

from aigw.settings.hosts import is_loopback, is_private, matches, parse_host, parse_pattern


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("API.Example.com", "api.example.com"),
        ("my_vllm", "my_vllm"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("10.0.0.1", "10.0.0.1"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("host.docker.internal.", "host.docker.internal."),
    ],
)
def test_hosts_have_one_form(text: str, host: str) -> None:
    """Hosts compare in lower case, IPv6 without brackets and shortened, international names in IDNA."""
    assert parse_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a..b",
        "-a",
        "a-",
        "a b",
        "a/b",
        "[::1",
        "[g::1]",
        "256.0.0.1",
        "10.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "1.2.3.4.5",
        "x" * 64,
        "…",
    ],
)
def test_what_resolvers_might_read_otherwise_is_refused(text: str) -> None:
    """Malformed names and the number forms of IPv4 that some resolvers take are no hosts."""
    with pytest.raises(ValueError, match=r"host|IPv6"):
        parse_host(text)


@pytest.mark.parametrize(
    "host", ["localhost", "app.localhost", "localhost.", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
)
def test_loopback(host: str) -> None:
    """localhost, names under it and loopback addresses are this machine."""
    assert is_loopback(host)
    assert not is_private(host)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"],
)
def test_private_networks(host: str) -> None:
    """Addresses of RFC 1918, 4193 and 6598 are private, also written inside IPv6."""
    assert is_private(host)


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "172.32.0.1",
        "8.8.8.8",
        "169.254.169.254",
        "0.0.0.0",
        "fe80::1",
        "2001:db8::1",
        "10.0.0.1.example.com",
    ],
)
def test_what_is_not_private(host: str) -> None:
    """Names, public and link-local addresses (where clouds keep credentials) are not private."""
    assert not is_private(host)
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "pattern", "matched"),
    [
        ("vllm", "vllm", True),
        ("vllm.", "vllm", True),
        ("a.svc.cluster.local", "*.svc.cluster.local", True),
        ("svc.cluster.local", "*.svc.cluster.local", False),
        ("evilsvc.cluster.local", "*.svc.cluster.local", False),
        ("203.0.113.7", "203.0.113.0/24", True),
        ("203.0.114.7", "203.0.113.0/24", False),
        ("203.0.113.7", "203.0.113.7", True),
        ("2001:db8::1", "2001:db8::/32", True),
        ("2001:db8::1", "10.0.0.0/8", False),
        ("10.example", "10.0.0.0/8", False),
    ],
)
def test_patterns_name_hosts(host: str, pattern: str, matched: bool) -> None:
    """A pattern is a name, the names below one, an address or a network; nothing matches by accident."""
    assert matches(host, parse_pattern(pattern)) is matched


@pytest.mark.parametrize("pattern", ["*", "a*", "*.0.0.1", "*.*.b", "10.0.0.0/33", "a b", ""])
def test_patterns_that_say_too_much_are_refused(pattern: str) -> None:
    """A star stands for the names below a suffix, and for nothing else."""
    with pytest.raises(ValueError, match="host"):
        parse_pattern(pattern)

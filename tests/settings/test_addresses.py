"""Addresses to listen on."""

import pytest

from aigw.settings.addresses import Tcp, Unix, parse_address


@pytest.mark.parametrize(
    ("text", "address", "written"),
    [
        ("127.0.0.1:8080", Tcp("127.0.0.1", 8080), "127.0.0.1:8080"),
        ("[::1]:8080", Tcp("::1", 8080), "[::1]:8080"),
        ("[0:0::1]:1", Tcp("::1", 1), "[::1]:1"),
        (":8080", Tcp("", 8080), ":8080"),
        ("LocalHost:0", Tcp("localhost", 0), "localhost:0"),
        ("gateway.example:443", Tcp("gateway.example", 443), "gateway.example:443"),
        ("unix:/run/aigw.sock", Unix("/run/aigw.sock"), "unix:/run/aigw.sock"),
        ("unix:///run/aigw.sock", Unix("/run/aigw.sock"), "unix:/run/aigw.sock"),
        ("unix:aigw.sock", Unix("aigw.sock"), "unix:aigw.sock"),
    ],
)
def test_addresses_are_read_and_written_back(text: str, address: Tcp | Unix, written: str) -> None:
    """TCP addresses and sockets by path are read, and write themselves in a form that is read again."""
    assert parse_address(text) == address
    assert str(address) == written
    assert parse_address(written) == address


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("8080", ":8080"),
        ("localhost", "must be an address"),
        ("::1:8080", "brackets"),
        ("[::1:8080", "neither a name nor"),
        ("[zz]:1", "not an IPv6"),
        ("127.0.0.1:70000", "65535"),
        ("127.0.0.1:http", "must be an address"),
        ("127.1:80", "four parts"),
        ("a b:80", "neither a name nor"),
        ("http://127.0.0.1:80", "brackets"),
        ("unix:", "path of a socket"),
        ("unix:@abstract", "path of a socket"),
        ("unix:/" + "x" * 120, "103 bytes"),
    ],
)
def test_what_is_no_address_is_refused_with_a_hint(text: str, hint: str) -> None:
    """A slip in an address is explained by how it should be written."""
    with pytest.raises(ValueError, match=hint):
        parse_address(text)

"""Proxies towards providers."""

import pytest

from aigw.secret import Secret
from aigw.settings import Upstream
from aigw.settings.proxies import Proxy, goes_direct, parse_exception, parse_proxy, proxy_url


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy.example:3128", Proxy("proxy.example", 3128)),
        ("proxy.example:3128", Proxy("proxy.example", 3128)),
        ("http://proxy.example/", Proxy("proxy.example", 80)),
        ("https://proxy.example", Proxy("proxy.example", 443, tls=True)),
        ("http://[::1]:3128", Proxy("::1", 3128)),
        ("http://user:p%40ss@proxy:1", Proxy("proxy", 1, credentials=Secret("user:p@ss"))),
    ],
)
def test_proxies_are_read_and_written_back(text: str, proxy: Proxy) -> None:
    """A proxy URL is read with its credentials decoded; its written form is read as the same proxy."""
    assert parse_proxy(text) == proxy
    assert parse_proxy(proxy_url(proxy)) == proxy


def test_a_proxy_does_not_show_its_credentials() -> None:
    """Neither str nor repr of a proxy holds its password."""
    proxy = parse_proxy("http://user:hunter2@proxy:3128")
    assert str(proxy) == "http://***@proxy:3128"
    assert "hunter2" not in repr(proxy)


@pytest.mark.parametrize(
    "text",
    [
        "socks5://u:hunter2@proxy:1080",
        "http://",
        "http://proxy:99999",
        "http://proxy:x",
        "http://proxy/path?hunter2",
        "http://a b:1",
    ],
)
def test_what_is_no_http_proxy_is_refused(text: str) -> None:
    """A proxy of another kind stops the start instead of being passed by in silence."""
    with pytest.raises(ValueError, match=r"proxy|port|host") as caught:
        parse_proxy(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "port", "entry", "direct"),
    [
        ("api.corp", 443, "*", True),
        ("api.corp", 443, "corp", True),
        ("api.corp", 443, ".corp", True),
        ("api.corp", 443, "*.corp", True),
        ("corp", 443, ".corp", True),
        ("apicorp", 443, "corp", False),
        ("api.corp", 443, "API.Corp:443", True),
        ("api.corp", 443, "api.corp:80", False),
        ("10.1.2.3", 443, "10.0.0.0/8", True),
        ("10.1.2.3", 443, "10.1.2.3", True),
        ("11.1.2.3", 443, "10.0.0.0/8", False),
        ("2001:db8::1", 443, "[2001:db8::1]:443", True),
        ("2001:db8::1", 443, "2001:db8::/32", True),
        ("example.com", 443, "corp", False),
    ],
)
def test_exceptions_name_hosts(host: str, port: int, entry: str, direct: bool) -> None:
    """no_proxy entries are names with all below them, addresses or networks, each with an optional port."""
    assert goes_direct(host, port, [parse_exception(entry)]) is direct


def test_an_exception_is_one_word() -> None:
    """An entry of no_proxy with a space in it is two entries that lost their comma."""
    with pytest.raises(ValueError, match="without spaces"):
        parse_exception("a b")


def test_loopback_never_uses_a_proxy() -> None:
    """A model server on this machine is reached directly although a company proxy is set."""
    upstream = Upstream(http_proxy=Proxy("proxy", 3128))
    assert upstream.proxy_for("http", "localhost", 11434) is None
    assert upstream.proxy_for("http", "127.0.0.1", 8000) is None
    assert upstream.proxy_for("http", "192.168.1.1", 8000) == Proxy("proxy", 3128)


def test_each_scheme_has_its_own_proxy() -> None:
    """https_proxy is for https:// providers alone, http_proxy for http:// ones."""
    upstream = Upstream(https_proxy=Proxy("secure", 1), no_proxy=("corp",))
    assert upstream.proxy_for("https", "api.example.com", 443) == Proxy("secure", 1)
    assert upstream.proxy_for("http", "api.example.com", 80) is None
    assert upstream.proxy_for("https", "api.corp", 443) is None

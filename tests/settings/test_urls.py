"""Base URLs of providers."""

import pytest

from aigw.settings.urls import check_base_url, mask_url, parse_base_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.example.com/v1", "https://api.example.com/v1"),
        ("HTTPS://API.Example.com/V1/", "https://api.example.com/V1"),
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com:8443/", "https://api.example.com:8443"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("https://x.example/openai/deployments/d?api-version=2024-10-21", None),
        ("https://x.example/a?b=1&c=", None),
        ("https://bücher.example:1/v1", "https://xn--bcher-kva.example:1/v1"),
    ],
)
def test_base_urls_have_one_form(text: str, url: str | None) -> None:
    """Scheme and host are folded, the trailing slash goes, path and query stay as they are."""
    assert parse_base_url(text) == (url or text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("api.example.com/v1", "https://"),
        ("", "https://"),
        ("ftp://example.com", "https://"),
        ("file:///etc/passwd", "https://"),
        ("https://", "no host"),
        ("https:///v1", "no host"),
        ("https://user:hunter2@example.com", "user name or password"),
        ("https://hunter2@example.com", "user name or password"),
        ("https://example.com/#hunter2", "fragment"),
        ("https://example.com/?key=hunter2", "credential in its query"),
        ("https://example.com/?a=1&access_token=hunter2", "credential in its query"),
        ("https://example.com/?subscription-key=hunter2", "credential in its query"),
        ("https://exa mple.com/", "spaces"),
        ("https://example.com/\r\nx: y", "spaces"),
        ("https://example.com/\\@evil", "special characters"),
        ("https://example.com/{deployment}", "special characters"),
        ("https://example.com:0/", "port 0"),
        ("https://example.com:99999/", "port"),
        ("https://example.com:abc/", "port"),
        ("https://[::1/", "host and port"),
        ("https://2130706433/", "four parts"),
        ("https://example.com/modèle", "special characters"),
        ("https://bücher..example/v1", "host"),
    ],
)
def test_what_is_no_base_url_is_refused(text: str, hint: str) -> None:
    """A URL without host, with credentials or with smuggled characters is refused and not quoted."""
    with pytest.raises(ValueError, match=hint) as caught:
        parse_base_url(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://anywhere.example/v1",
        "http://localhost:11434/v1",
        "http://127.0.0.1:1234",
        "http://[::1]:8000",
        "http://192.168.1.7:8000/v1",
        "http://vllm:8000/v1",
        "http://a.svc.cluster.local",
        "http://203.0.113.7",
    ],
)
def test_plain_http_is_for_loopback_private_networks_and_allowed_names(url: str) -> None:
    """http:// may lead to this machine, to private addresses and where the operator says."""
    assert check_base_url(url, ["vllm", "*.svc.cluster.local", "203.0.113.0/24"]) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/v1",
        "http://vllm:8000",
        "http://169.254.169.254/",
        "http://0.0.0.0/",
        "http://8.8.8.8",
    ],
)
def test_plain_http_elsewhere_is_refused(url: str) -> None:
    """http:// to anywhere else would send credentials in the clear; the message says how to allow it."""
    with pytest.raises(ValueError, match="allow_http"):
        check_base_url(url, ["other"])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://u:p@h/db", "postgresql://***@h/db"),
        ("postgresql://u:p/w@x?y#z@h/db", "postgresql://***@h/db"),
        ("postgresql:u:p@h/db", "postgresql:***@h/db"),
        ("u:p@h", "u:***@h"),
        ("https://h/?api-version=1&api-key=s3cret&x=y", "https://h/?api-version=1&api-key=***&x=y"),
        ("postgresql://h/db?password=s3cret", "postgresql://h/db?password=***"),
        ("https://h/v1", "https://h/v1"),
    ],
)
def test_masked_urls_show_no_credentials(text: str, masked: str) -> None:
    """What stands before an @ and the values of credential-like parameters are hidden even when malformed."""
    assert mask_url(text) == masked

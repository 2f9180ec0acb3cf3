"""Which base URLs a provider may have: `https://` anywhere, `http://` only where nobody listens in."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from aigw.settings.addresses import MAX_PORT
from aigw.settings.hosts import BadHost, bracketed, is_loopback, is_private, matches_any, parse_host

# RFC 3986 characters; anything else (spaces, control characters, raw Unicode) has to be percent-encoded.
_URL_CHARACTERS = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+"
_SCHEME = r"(?i)[a-z][a-z0-9+.-]*://"
# Query names that hold credentials somewhere: they would end up in logs, so they are refused and masked.
_CREDENTIAL_NAME = r"(?i)key|token|secret|password|passwd|pwd|signature|credential|\bsig\b"
# Greedy, up to the last "@" of the text: a password may hold any character, slashes and "@" too.
_USER = r"(?s)\A([A-Za-z][A-Za-z0-9+.-]*:/*)?.*@"
_QUERY_VALUE = r"(?<=[?&])([^=&#]*)=([^&#]*)"


class BadUrl(ValueError):
    """A text is not a base URL that may be used; the message says why and never quotes it."""


def parse_base_url(text: str) -> str:
    """A base URL in normal form: lower-case scheme and host, no trailing slash, query kept. Raises BadUrl."""
    if not re.match(_SCHEME, text):
        raise BadUrl('must be a URL that starts with "https://" or "http://"')
    parts, port = _split(text)
    if parts.scheme not in ("http", "https"):
        raise BadUrl('must start with "https://" or "http://"')
    if "@" in parts.netloc:
        raise BadUrl("may not hold a user name or password: give the credential as a provider key")
    if "#" in text:
        raise BadUrl("may not have a fragment (#…)")
    if any(re.search(_CREDENTIAL_NAME, name) for name, _ in re.findall(_QUERY_VALUE, f"?{parts.query}")):
        raise BadUrl("may not hold a credential in its query: give it as a provider key or a header")
    host = _host(parts)
    authority = bracketed(host) if port is None else f"{bracketed(host)}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{authority}{parts.path.rstrip('/')}{query}"


def _split(text: str) -> tuple[SplitResult, int | None]:
    if not text.isascii():
        # Only a host name may be international; the rest of such a URL is checked by the same characters.
        scheme, rest = text.split("://", 1)
        authority, slash, path = rest.partition("/")
        text = f"{scheme}://{_ascii_authority(authority)}{slash}{path}"
    if not re.fullmatch(_URL_CHARACTERS, text):
        raise BadUrl("may not hold spaces, control characters or unencoded special characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadUrl(f"has no valid host and port (a port is 1 to {MAX_PORT}, IPv6 goes in brackets)") from None
    if port == 0:
        raise BadUrl("may not have port 0")
    return parts, port


def _ascii_authority(authority: str) -> str:
    host, colon, port = authority.partition(":")
    try:
        return f"{parse_host(host)}{colon}{port}"
    except BadHost as bad:
        raise BadUrl(str(bad)) from None


def _host(parts: SplitResult) -> str:
    if not parts.hostname:
        raise BadUrl("has no host")
    try:
        return parse_host(bracketed(parts.hostname))
    except BadHost as bad:
        raise BadUrl(str(bad)) from None


def check_base_url(text: str, allow_http: Collection[str] = ()) -> str:
    """A base URL in normal form, if its scheme is allowed for its host.

    `http://` needs a loopback host, an address of a private network, or a pattern of `allow_http` (`upstream.
    allow_http`: names, `*.suffix`, addresses, networks). Raises BadUrl.
    """
    url = parse_base_url(text)
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or is_loopback(host) or is_private(host) or matches_any(host, allow_http):
        return url
    raise BadUrl(
        "sends credentials in the clear: use https://, or if this network is trusted add its host to "
        f'the list "allow_http" of [upstream]: allow_http = ["{host}"]'
    )


def mask_url(text: str) -> str:
    """A URL (even a malformed one) without user, password and values of credential-like query parameters."""
    text = re.sub(_USER, r"\1***@", text)
    return re.sub(_QUERY_VALUE, _mask_parameter, text)


def _mask_parameter(match: re.Match[str]) -> str:
    return f"{match[1]}=***" if re.search(_CREDENTIAL_NAME, match[1]) else match[0]

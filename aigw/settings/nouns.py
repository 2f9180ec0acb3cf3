"""What the product's own nouns look like when written: surfaces, provider ids, models, headers, keys."""

from __future__ import annotations

import re

import attrs

from aigw.secret import Secret
from aigw.settings.kinds import MAX_TEXT, Unfit, choice, hidden, integer, list_of, plain, secret
from aigw.settings.urls import mask_url, parse_base_url

# The surfaces of aigw.adapter, which stands on a lower floor; a test holds the two lists together.
SURFACES = (
    "chat-completions",
    "responses",
    "messages",
    "count-tokens",
    "gemini",
    "completions",
    "embeddings",
    "moderations",
    "rerank",
    "images",
    "audio",
    "realtime",
)

# The strategies of aigw.snapshot, which stands on a higher floor; a test holds the two lists together.
STRATEGIES = ("ordered", "round_robin", "weighted", "least_busy", "lowest_latency", "cache_affinity")

# How much more often one key is used than another: a thousand to one is as good as never.
MAX_WEIGHT = 1000

# Of a key that an operator makes up: a hundred bits when it is random letters and digits.
MIN_ACCESS_KEY = 20
# Where a gateway keeps the access key that it made for itself, in its data_dir.
ACCESS_KEY_FILE = "access-key"
# The sealing key is the last thing between a stolen database and every provider key: 32 characters hold 128
# bits even in hexadecimal.
MIN_SECRET_KEY = 32

PROVIDER_ID = r"[a-z0-9][a-z0-9-]{0,62}"
_SCOPED_MODEL = r"[a-z0-9][a-z0-9-]{0,62}[:/]\S+"
_TOKEN = r"[!#$%&'*+.^_`|~0-9a-z-]+"

# RFC 9110, section 7.6.1, and what frames a message: the relay alone writes these.
_FRAMING_HEADERS = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CREDENTIAL_HEADERS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "set-cookie"})


def check_provider_id(text: str) -> str:
    """A provider id as it stands before the colon of a model. Raises ValueError."""
    if not re.fullmatch(PROVIDER_ID, text):
        raise Unfit('is no provider id: lower-case letters, digits and "-", at most 63, as in "my-vllm"')
    return text


def _check_model(text: str) -> str:
    if len(text) > MAX_TEXT or not text.isprintable() or any(char.isspace() for char in text):
        raise Unfit(f"must be a model id: at most {MAX_TEXT} characters, none of them a space")
    return text


def _check_scoped_model(text: str) -> str:
    if not re.fullmatch(_SCOPED_MODEL, _check_model(text)):
        raise Unfit('must name provider and model: "provider:model" or "provider/model"')
    return text


def check_header_name(name: str) -> str:
    """A header an operator may add, in lower case. Raises ValueError."""
    name = name.lower()
    if not re.fullmatch(_TOKEN, name):
        raise Unfit("is no header name (letters, digits and - only)")
    if name in _FRAMING_HEADERS:
        raise Unfit("is a header that the gateway alone writes")
    if name in _CREDENTIAL_HEADERS:
        raise Unfit("is a credential's header: give the credential in keys")
    return name


def _header_value(raw: object) -> Secret:
    # RFC 9110, section 5.5, without obs-text: the octets that every server reads alike. Values such as a
    # proxy's own token are common, so all of them are kept as secrets.
    if not isinstance(raw, str) or not re.fullmatch(r"[!-~]([ -~]*[!-~])?", raw, re.ASCII):
        raise Unfit("must be a string of visible ASCII characters, no line breaks, no spaces at the ends")
    return Secret(raw)


def _check_store_url(text: str) -> str:
    if text == "sqlite":
        return text
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in ("postgresql", "postgres") or not rest or not text.isprintable() or " " in text:
        raise Unfit('must be "sqlite" (a file in data_dir) or "postgresql://user:password@host:5432/database"')
    return f"postgresql://{rest}"


SURFACE = choice(*SURFACES)
STRATEGY = choice(*STRATEGIES)
WEIGHTS = list_of(integer(0, MAX_WEIGHT), repeats=True)
BASE_URL = attrs.evolve(plain("URL", parse_base_url), mask=mask_url, show=mask_url)
STORE_URL = attrs.evolve(plain("store URL", _check_store_url), mask=mask_url, show=mask_url, secret=True)
PROVIDER = plain("provider id", check_provider_id)
HEADER = hidden("header value", _header_value)
PROVIDER_KEYS = list_of(secret())
MODEL = plain("model id", _check_model)
SCOPED_MODEL = plain("model", _check_scoped_model)
ACCESS_KEY = secret(MIN_ACCESS_KEY)
SECRET_KEY = secret(MIN_SECRET_KEY)

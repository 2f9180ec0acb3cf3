"""The official SDKs, each asked the same questions: one module per format, imported when it is needed."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from attrs import frozen

from aigw.conformance.outcome import Ask, Heard

FORMATS = ("chat", "responses", "messages", "gemini")
# A connection for each call: what one leaves on it is not to be blamed on the next.
HEADERS = {"connection": "close"}
_PACKAGES = {"chat": "openai", "responses": "openai", "messages": "anthropic", "gemini": "google-genai"}


class MissingSdk(Exception):
    """An SDK is not installed; the message says which one, and how to get it."""


@frozen
class Way:
    """How callers reach a gateway: its root URL, an access key, seconds that an SDK waits at most."""

    url: str
    key: str
    patience: float


class Caller(Protocol):
    """An SDK with a client of its own."""

    async def stream(self, ask: Ask) -> list[Any]:
        """What comes of a streamed answer, to its end. Raises whatever the SDK raises."""

    async def whole(self, ask: Ask) -> Any:
        """What comes of a plain answer. Raises whatever the SDK raises."""

    def heard(self, came: Any) -> Heard:
        """What an app understands of it, streamed or plain. Raises whatever reading it raises."""

    async def close(self) -> None:
        """Close the client."""


def caller(format: str, way: Way) -> Caller:
    """A caller of a format. Raises MissingSdk."""
    try:
        module = importlib.import_module(f"{__name__}.{format}")
    except ImportError as missing:
        raise MissingSdk(
            f"the SDK of {format} is not installed ({missing}): pip install 'aigw[conformance]',"
            f" or pip install {_PACKAGES[format]}"
        ) from None
    made: Caller = module.open_caller(way)
    return made

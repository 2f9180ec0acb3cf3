"""Which format stands behind a surface's name, as the control API takes both?"""

from __future__ import annotations

from aigw.settings import SURFACES

# Surfaces of formats of their own; all others are OpenAI's.
_FORMATS = {"messages": "anthropic", "count-tokens": "anthropic", "gemini": "gemini"}


def surface(name: str) -> dict[str, str]:
    """A surface of a custom provider. Raises ValueError for a name that is none."""
    if name not in SURFACES:
        raise ValueError(f"is no surface: {', '.join(SURFACES)}")
    return {"format": _FORMATS.get(name, "openai"), "surface": name}

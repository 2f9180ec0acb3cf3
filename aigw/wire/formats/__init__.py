"""What does each dialect's grammar say? One module per wire format; each contributes one constant FORMAT."""

from __future__ import annotations

import importlib
import pkgutil

from aigw.wire.format import Format


def load() -> dict[str, Format]:
    """Every format of this folder by name."""
    found = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    return {module.FORMAT.name: module.FORMAT for module in found if hasattr(module, "FORMAT")}

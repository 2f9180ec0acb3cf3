"""Every route of the control API, gathered from the modules of its resources."""

from __future__ import annotations

from collections.abc import Iterator

from aigw.control import (
    access_keys,
    accounts,
    aliases,
    api_keys,
    audit,
    catalog,
    configurations,
    explain,
    gateway_config,
    provider_keys,
    providers,
    reload,
    whoami,
)
from aigw.control.routes import Route


def routes() -> Iterator[Route]:
    """All of them, in the order in which the document lists them."""
    yield from whoami.ROUTES
    yield from access_keys.ROUTES
    yield from configurations.ROUTES
    yield from provider_keys.ROUTES
    yield from providers.ROUTES
    yield from aliases.ROUTES
    yield from api_keys.ROUTES
    yield from accounts.ROUTES
    yield from gateway_config.ROUTES
    yield from catalog.ROUTES
    yield from explain.ROUTES
    yield from audit.ROUTES
    yield from reload.ROUTES

"""What the control API knows of the gateway it stands in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from aigw.catalog import Catalog, shipped
from aigw.settings import AccessKeySettings, Settings

# Both are told and answer JSON values. `explain` is given account, models, surface and accessKey.
Explain = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
Reload = Callable[[], Awaitable[Mapping[str, Any]]]
MadeKey = Callable[[], AccessKeySettings | None]


@attrs.define(eq=False)
class Gateway:
    """The settings, and what others do for the API."""

    settings: Settings
    explain: Explain | None = None
    reload: Reload | None = None
    # The access key that the gateway made for itself, if it has one.
    made_key: MadeKey = lambda: None
    # The id of the account of what is declared in the configuration, once it is known.
    default: str = ""

    @property
    def catalog(self) -> Catalog:
        """The catalog, read when it is first asked for."""
        return shipped()

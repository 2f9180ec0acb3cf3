"""What the operator wants: file, environment and command line as one frozen object, checked once.

The only room that reads the environment. It may import nothing of the gateway but errors and secret.
"""

from __future__ import annotations

from aigw.settings.addresses import Tcp, Unix
from aigw.settings.client import ClientEnvironment
from aigw.settings.description import describe
from aigw.settings.durations import format_duration, parse_duration
from aigw.settings.environment import variable_of
from aigw.settings.loading import load, load_server
from aigw.settings.nouns import STRATEGIES, SURFACES
from aigw.settings.parts import (
    AccessKeySettings,
    Billing,
    Failover,
    Limits,
    Log,
    ProviderSettings,
    Server,
    Store,
    Upstream,
)
from aigw.settings.proxies import Proxy
from aigw.settings.urls import check_base_url, mask_url
from aigw.settings.whole import Settings, documented_keys

__all__ = [
    "STRATEGIES",
    "SURFACES",
    "AccessKeySettings",
    "Billing",
    "ClientEnvironment",
    "Failover",
    "Limits",
    "Log",
    "ProviderSettings",
    "Proxy",
    "Server",
    "Settings",
    "Store",
    "Tcp",
    "Unix",
    "Upstream",
    "check_base_url",
    "describe",
    "documented_keys",
    "format_duration",
    "load",
    "load_server",
    "mask_url",
    "parse_duration",
    "variable_of",
]

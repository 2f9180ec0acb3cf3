"""What does the operator's configuration declare, as far as it takes no catalog to say?

What only has to know the settings (a command, the parent of several workers) imports this room and stays small.
"""

from __future__ import annotations

import os
import sys
from asyncio import AbstractEventLoop
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import attrs

from aigw import registry
from aigw.errors import ConfigError
from aigw.observe.log import Format, Level, LogSink, configure
from aigw.observe.scrub import Scrubber
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Settings, load


def load_settings(
    path: Path | None = None, environ: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None
) -> Settings:
    """The settings, with what the providers' modules say about their ids, key variables and presets.

    Raises ConfigError as `aigw.settings.load` does.
    """
    builtin = registry.load_builtin()
    presets = registry.load_presets()
    return load(
        path,
        environ,
        overrides,
        known_keys={id: provider.key_variables for id, provider in builtin.items()},
        builtin=builtin,
        presets={id: provider.base_url or None for id, provider in presets.items()},
    )


def settings_of(source: str, text: str, overrides: Mapping[str, str]) -> Settings:
    """The settings of a configuration file as it was read, whatever has become of the file `source` meanwhile.

    A worker that is started again, hours later, must not be of another configuration than its siblings.
    Raises ConfigError.
    """
    with _file_of(source, text) as path:
        try:
            settings = load_settings(path, None, overrides)
        except ConfigError as exc:
            raise ConfigError(exc.message.replace(str(path), source)) from None
    return attrs.evolve(settings, source=source)


@contextmanager
def _file_of(source: str, text: str) -> Iterator[Path | None]:
    """The text of a configuration under a path; never on a disk, as it may hold secrets (memfd_create(2))."""
    if sys.platform != "linux":
        # Without files in memory the one on the disk has to serve; no configuration file is none.
        yield Path(source) if text else None
        return
    descriptor = os.memfd_create("aigw.toml")
    try:
        os.write(descriptor, text.encode("utf-8"))
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def needs_sandbox(settings: Settings) -> bool:
    """Whether nothing could be called: no provider has a key, and none without one is declared."""
    return not any(each.enabled and (each.keys or each.managed_keys or each.base_url) for each in settings.providers)


def secrets_of(settings: Settings, extra_keys: Iterable[AccessKeySettings] = ()) -> list[Secret]:
    """Every secret there is, for scrubbing."""
    found = [each.key for each in (*settings.access_keys, *extra_keys)]
    for provider in settings.providers:
        found += [*provider.keys, *provider.managed_keys, *(value for _, value in provider.headers)]
    proxies = (settings.upstream.https_proxy, settings.upstream.http_proxy)
    found += [each.credentials for each in proxies if each is not None and each.credentials is not None]
    return [*found, settings.secret_key] if settings.secret_key is not None else found


def open_log(settings: Settings, scrubber: Scrubber, loop: AbstractEventLoop) -> LogSink:
    """The process's log as configured, with every known secret kept out of it."""
    # The settings take no other words for these two.
    log = configure(cast(Format, settings.log.format), cast(Level, settings.log.level))
    log.guard(scrubber)
    log.start(loop)
    return log

"""What does a command send? The flags and files of its line, as the body that the control API takes."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from typing import Any

from aigw.client import rules
from aigw.client.api import Api
from aigw.client.reading import READERS, Misused, read_document
from aigw.client.resources import CONFIGURATIONS, CREATE, PROVIDER_KEYS, Flag, Resource
from aigw.client.surfaces import surface

Json = dict[str, Any]
Read = Callable[[str], Any]

# What a thing tells of itself, and nobody gives.
_TOLD = ("id", "uri", "createdAt", "updatedAt", "createdBy", "lastUpdatedBy", "lastUsed", "source")


def body(
    options: argparse.Namespace, resource: Resource, api: Api, current: Callable[[], Json]
) -> tuple[Json, int | None]:
    """The fields that flags and file give. `current` is the thing that a change is of.

    With them, the revision that the thing must still have: where a file was made of it, or a flag changes a part of
    a field. Raises Misused, ConfigError.
    """
    looked: list[Json] = []

    def look() -> Json:
        looked[:] = looked or [current()]
        return looked[0]

    found, revision = _document(options, resource, api, look)
    read = {
        **READERS,
        "surface": surface,
        "configuration": lambda name: api.find(CONFIGURATIONS, name),
        "rule": lambda text: rules.rule(text, lambda key: api.find(PROVIDER_KEYS, key)),
    }
    for flag in resource.flags:
        given = getattr(options, flag.dest, None)
        if given is not None:
            _put(found, flag.member, _value(flag, given, read[flag.kind]), look)
    for word in getattr(options, "clear", ()):
        _put(found, next(each.member for each in resource.flags if each.word == word), None, look)
    _check(options, resource, found)
    return found, revision if revision is not None else looked[0].get("revision") if looked else None


def _document(
    options: argparse.Namespace, resource: Resource, api: Api, look: Callable[[], Json]
) -> tuple[Json, int | None]:
    """The fields of a file, and the revision in it; of a thing as `show --json` prints it, those that can be given."""
    if not getattr(options, "document", None):
        return {}, None
    found = read_document(options.document)
    revision = found.pop("revision", None)
    for name in _TOLD:
        found.pop(name, None)
    if options.verb == CREATE:
        revision = None
    else:
        for flag in resource.flags:
            if flag.fixed and flag.member in found and found.pop(flag.member) != look().get(flag.member):
                raise Misused(f"{options.document}: {flag.member} cannot be changed")
    if resource is CONFIGURATIONS:
        rules.named_keys(found.get("router"), lambda key: api.find(PROVIDER_KEYS, key))
    return found, revision if isinstance(revision, int) else None


def _value(flag: Flag, given: Any, read: Read) -> Any:
    try:
        return [read(each) for each in given] if flag.repeated else read(given)
    except ValueError as bad:
        text = " ".join(given) if flag.repeated else given
        raise Misused(f"{flag.flag} {text}: {bad}") from None


def _put(found: Json, member: str, value: Any, current: Callable[[], Json]) -> None:
    """Write a member. Of one that stands within another, what is beside it is kept as it is now."""
    head, dot, rest = member.partition(".")
    if not dot:
        found[head] = value
        return
    if not isinstance(found.get(head), dict):
        found[head] = _given(current().get(head))
    inner = found[head]
    *way, last = rest.split(".")
    for name in way:
        inner = inner.setdefault(name, {})
    if value is None:
        inner.pop(last, None)
        found[head] = _without_empty(found[head]) or None
    else:
        inner[last] = value


def _without_empty(value: Json) -> Json:
    kept = {name: _without_empty(each) if isinstance(each, dict) else each for name, each in value.items()}
    return {name: each for name, each in kept.items() if each != {}}


def _given(value: Any) -> Json:
    """A copy without what is null: that is how things are told, not how they are given."""
    if not isinstance(value, dict):
        return {}
    return {
        name: _given(each) if isinstance(each, dict) else copy.deepcopy(each)
        for name, each in value.items()
        if each is not None
    }


def _check(options: argparse.Namespace, resource: Resource, found: Json) -> None:
    if options.verb == CREATE:
        missing = [each.flag for each in resource.flags if each.required and each.member not in found]
        if missing:
            raise Misused(f"aigw {resource.command} {CREATE} needs {' and '.join(missing)}")
    elif not found:
        raise Misused(f"aigw {resource.command} {options.verb}: nothing to change; its --help lists the flags")

"""What does each command do? It asks the control API, and prints what that says."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from aigw import explanation
from aigw.client import showing
from aigw.client.api import Api
from aigw.client.bodies import body
from aigw.client.endpoint import target_of
from aigw.client.reading import STDIN, Misused, ask_secret, read_secret
from aigw.client.resources import (
    AUDIT,
    CREATE,
    DELETE,
    DISCOVER,
    EXPLAIN,
    GATEWAY_CONFIG,
    LIST,
    RELOAD,
    ROTATE,
    SET,
    SHOW,
    UPDATE,
    WHOAMI,
    Resource,
)
from aigw.client.token_file import token_file
from aigw.printing import note, print_json, printable
from aigw.secret import Secret

GOOD, FAILED, USAGE = 0, 1, 2
# Of the audit the latest changes are wanted, of everything else all there is.
LATEST = 50
_OWNER = ("ACCOUNT", "accountId")
# What can be read from standard input, of which there is one: the flags, and where argparse puts them.
_READ = (("--api-key-file", "api_key_file"), ("--value-file", "value_file"), ("--from", "document"))

Json = dict[str, Any]


def run(options: argparse.Namespace) -> int:
    """Run the command that was written: its exit code. Raises CallFailed, ConfigError."""
    try:
        _check_stdin(options)
        if options.command in _PLAIN:
            return _PLAIN[options.command](options)
        return _VERBS[options.verb](options, options.resource)
    except Misused as misused:
        note(str(misused))
        return USAGE


def _check_stdin(options: argparse.Namespace) -> None:
    flags = [flag for flag, dest in _READ if getattr(options, dest, None) == STDIN]
    if len(flags) > 1:
        raise Misused(f"{' and '.join(flags)}: only one of them can read standard input")


def _list(options: argparse.Namespace, resource: Resource) -> int:
    asked: dict[str, object] = {query: getattr(options, f"filter_{query}") for _, query, _ in resource.filters}
    if getattr(options, "everywhere", False):
        asked["everywhere"] = "true"
    limit = options.limit or (LATEST if resource is AUDIT else None)
    found = _api(options).every(resource, limit, **asked)
    if options.quiet:
        for each in found:
            print(printable(each["id"]))
        return GOOD
    things = list(found)
    if options.json:
        print_json(things)
    elif things:
        showing.table(
            resource._replace(columns=(*resource.columns, _OWNER)) if "everywhere" in asked else resource, things
        )
        if len(things) == limit and options.limit is None:
            note(f"the latest {limit}; --limit N shows more")
    else:
        note(f"no {resource.noun} {'like that' if any(asked.values()) else 'yet'}")
    return GOOD


def _show(options: argparse.Namespace, resource: Resource) -> int:
    api = _api(options)
    return _print_thing(options, api.get(_path(resource, None if resource.one else api.find(resource, options.id))))


def _create(options: argparse.Namespace, resource: Resource) -> int:
    target = options.token_file if resource.token else None
    if resource.token and options.quiet and not target:
        raise Misused("--quiet would lose the token, which is told once: add --token-file FILE")
    api = _api(options)
    sent, _ = body(options, resource, api, dict)
    if resource.value:
        sent["value"] = _value(options).reveal()
    code = GOOD
    with token_file(target) as keep:
        made = api.post(_path(resource), sent, **_waiting(options))
        if keep and made.get("token"):
            try:
                keep(made["token"])
                del made["token"]
            except OSError as error:
                note(f"{target}: cannot be written ({error.strerror}): the token is printed instead")
                code = FAILED
    code = max(code, _print_thing(options, made))
    if made.get("token") and not options.json:
        print(f"\n{made['token']}\n")
        note(f"this is the token of the {resource.noun}: it is told this once, so keep it now")
    return code


def _update(options: argparse.Namespace, resource: Resource) -> int:
    api = _api(options)
    path = _path(resource, None if resource.one else api.find(resource, options.id))
    sent, revision = body(options, resource, api, lambda: api.get(path))
    return _print_thing(options, api.patch(path, sent, revision, **_waiting(options)))


def _delete(options: argparse.Namespace, resource: Resource) -> int:
    api = _api(options)
    ids = api.find_all(resource, list(dict.fromkeys(options.id)))
    code = GOOD
    told = []
    for id in ids:
        answer = api.delete(_path(resource, id), **_waiting(options))
        code = max(code, _tell_late(answer))
        told.append({"id": id, "deleted": True, **answer})
        if not options.json:
            print(printable(id) if options.quiet else f"deleted {printable(id)}")
    if options.json:
        print_json(told)
    return code


def _rotate(options: argparse.Namespace, resource: Resource) -> int:
    api = _api(options)
    path = f"{_path(resource, api.find(resource, options.id))}/{ROTATE}"
    return _print_thing(options, api.post(path, {"value": _value(options).reveal()}, **_waiting(options)))


def _discover(options: argparse.Namespace, resource: Resource) -> int:
    api = _api(options)
    path = f"{_path(resource, api.find(resource, options.id))}/{DISCOVER}"
    found = api.post(path, None, **({"apply": "true", **_waiting(options)} if options.apply else {}))
    code = _tell_late(found)
    if options.json:
        print_json(found)
        return code
    for each in found["models"]:
        print(printable(each["modelId"]))
    if not options.apply:
        note("nothing is changed; --apply adds those that are missing to the provider")
    return code


def _whoami(options: argparse.Namespace) -> int:
    return _print_thing(options, _api(options).get(f"/{WHOAMI}"))


def _reload(options: argparse.Namespace) -> int:
    told = _api(options).post(f"/{RELOAD}")
    if options.json:
        print_json(told)
    elif told.get("difference"):
        showing.difference(told["difference"])
    else:
        note("the configuration is as it was")
    return _tell_late(told)


def _explain(options: argparse.Namespace) -> int:
    if options.key is not None:
        raise Misused("--key names a key of the configuration; of the running gateway --access-key does")
    first, *rest = options.model
    asked = {"model": first, "models": rest, "surface": options.surface, "accessKeyId": options.access_key}
    answer = _api(options).post(f"/{EXPLAIN}", asked)
    if options.json:
        print_json(answer)
    else:
        explanation.show(answer)
    return GOOD if answer["candidates"] else FAILED


_PLAIN: Mapping[str, Callable[[argparse.Namespace], int]] = {WHOAMI: _whoami, RELOAD: _reload, EXPLAIN: _explain}
_VERBS: Mapping[str, Callable[[argparse.Namespace, Resource], int]] = {
    LIST: _list,
    SHOW: _show,
    CREATE: _create,
    UPDATE: _update,
    SET: _update,
    DELETE: _delete,
    ROTATE: _rotate,
    DISCOVER: _discover,
}


def _api(options: argparse.Namespace) -> Api:
    return Api(target_of(options))


def _path(resource: Resource, id: str | None = None) -> str:
    return f"/{resource.path}" if id is None else f"/{resource.path}/{quote(id, safe='')}"


def _waiting(options: argparse.Namespace) -> dict[str, str]:
    return {} if options.no_wait else {"wait": "true"}


def _value(options: argparse.Namespace) -> Secret:
    what = "the provider's key"
    return read_secret(options.value_file, what) if options.value_file else ask_secret(what)


def _print_thing(options: argparse.Namespace, thing: Json) -> int:
    """A thing as the options ask for it; what the command ends with."""
    if getattr(options, "quiet", False):
        print(printable(str(thing.get("id", ""))))
    elif options.json:
        print_json(thing)
    elif getattr(options, "resource", None) is GATEWAY_CONFIG:
        showing.settings(thing)
    else:
        showing.fields(thing)
    return _tell_late(thing)


def _tell_late(answer: Json) -> int:
    """A change that is kept, but which some workers have not taken over within the time one waits: it has failed
    for whoever wanted to wait, and needs no second try.
    """
    late = answer.get("lateWorkers")
    if not late:
        return GOOD
    which = "the workers" if late == ["*"] else ", ".join(map(str, late))
    note(f"kept, but {which} did not say in time that it is in force. It will be: there is nothing to do again")
    return FAILED

"""Which variable of the environment sets what: `AIGW_<SECTION>_<KEY>` and the few others that are read."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping

import attrs

from aigw.settings import client
from aigw.settings.keys import keys_of
from aigw.settings.nouns import PROVIDER_ID
from aigw.settings.parts import ProviderSettings
from aigw.settings.problems import Problems, near
from aigw.settings.references import CREDENTIAL, CREDENTIALS_DIRECTORY
from aigw.settings.sources import CONFIG_VARIABLE, Entry, Tree
from aigw.settings.whole import ACCESS_KEYS, PROVIDERS, SECTIONS

PREFIX = "AIGW_"
FROM_FILE = "_FILE"
ACCESS_KEY_VARIABLE = "AIGW_ACCESS_KEY"
SECRET_KEY_VARIABLE = "AIGW_SECRET_KEY"
ENV_ACCESS_KEY = "env"

SECRET_KEY_CREDENTIAL = "aigw-secret-key"

# The table and key of the one value that has no section.
SECRET_KEY_PLACE = ("", "secret_key")

# Not settings, and no reason to stop: the file's own place; what commands read; what this repository's scripts
# read; and the variables of another program called aigw (Envoy AI Gateway's), which may be installed beside this one.
_NOT_SETTINGS = frozenset(
    {
        *client.VARIABLES,
        CONFIG_VARIABLE,
        "AIGW_SHARED",
        "AIGW_CONFIG_HOME",
        "AIGW_DATA_HOME",
        "AIGW_STATE_HOME",
        "AIGW_RUNTIME_DIR",
    }
)

# Kubernetes gives every container variables for each Service of its namespace
# (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables):
# one called "aigw" or "aigw-control" must not stop the gateway from starting.
_SERVICE_LINK = (
    r"AIGW(_[A-Z0-9_]+)?"
    r"_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_LINK_URL = r"(tcp|udp|sctp)://"

# key of [upstream] → variables that other programs set it with, the first one that is set wins
_PROXY_VARIABLES = {
    "https_proxy": ("HTTPS_PROXY", "https_proxy"),
    "http_proxy": ("HTTP_PROXY", "http_proxy"),
    "no_proxy": ("NO_PROXY", "no_proxy"),
}


def variable_of(dotted: str) -> str | None:
    """The variable that sets a documented key; None for tables, and for access keys all but the token."""
    section, _, name = dotted.rpartition(".")
    if section == ACCESS_KEYS:
        return ACCESS_KEY_VARIABLE if name == "key" else None
    part = SECTIONS.get(section, ProviderSettings)
    if not keys_of(part)[name].kind.one_line:
        return None
    return f"{PREFIX}{section.replace('.ID', '_<ID>').replace('-', '_').upper()}_{name.upper()}"


def lay_environment(tree: Tree, environ: Mapping[str, str], builtin: Collection[str], problems: Problems) -> None:
    """Put every `AIGW_…` variable over the tree; proxies from the usual variables go below it."""
    names = _Names.of(tree, builtin)
    for variable in sorted(name for name in environ if name.startswith(PREFIX) and name not in _NOT_SETTINGS):
        place = names.place(variable)
        file_place = names.place(variable.removesuffix(FROM_FILE)) if variable.endswith(FROM_FILE) else None
        if place is not None:
            _put(tree, place, Entry(environ[variable], variable, text=True))
        elif file_place is not None and variable.removesuffix(FROM_FILE) in environ:
            problems.add(variable, f"{variable.removesuffix(FROM_FILE)} is set too: only one of the two may be")
        elif file_place is not None:
            _put(tree, file_place, Entry(f"file:{environ[variable]}", variable, text=True))
        elif not _is_service_link(variable, environ[variable]):
            problems.add(variable, f"unknown variable{near(variable, names.all())}")
    _lay_proxies(tree, environ)
    _lay_credential(tree, environ)


def _put(tree: Tree, place: tuple[str, str], entry: Entry) -> None:
    if place[0].startswith(ACCESS_KEYS):
        tree.put(place[0], "name", Entry(ENV_ACCESS_KEY, entry.origin, literal=True))
    tree.put(*place, entry)


def _lay_proxies(tree: Tree, environ: Mapping[str, str]) -> None:
    for key, variables in _PROXY_VARIABLES.items():
        variable = first_set(variables, environ)
        if variable is not None and key not in tree.tables.get("upstream", {}):
            tree.put("upstream", key, Entry(environ[variable], variable, text=True, literal=True))


def _lay_credential(tree: Tree, environ: Mapping[str, str]) -> None:
    """The sealing key from systemd's credential of that name, when nothing else gives it."""
    directory = environ.get(CREDENTIALS_DIRECTORY, "")
    table, key = SECRET_KEY_PLACE
    if directory and key not in tree.tables.get(table, {}) and os.path.exists(f"{directory}/{SECRET_KEY_CREDENTIAL}"):
        reference = f"{CREDENTIAL}{SECRET_KEY_CREDENTIAL}"
        tree.put(table, key, Entry(reference, reference, text=True))


def first_set(variables: Collection[str], environ: Mapping[str, str]) -> str | None:
    """The first of these variables that has a value; an empty one counts as not set."""
    return next((name for name in variables if environ.get(name, "").strip()), None)


def _is_service_link(variable: str, value: str) -> bool:
    if variable.endswith("_PORT") and re.match(_SERVICE_LINK_URL, value):
        return True
    return re.fullmatch(_SERVICE_LINK, variable) is not None


@attrs.frozen(eq=False, repr=False)
class _Names:
    fixed: Mapping[str, tuple[str, str]]
    providers: frozenset[str]
    # Longest first, so that `…_MANAGED_KEYS` is not taken for the KEYS of a provider called `…-managed`.
    provider_keys: tuple[str, ...]

    @classmethod
    def of(cls, tree: Tree, builtin: Collection[str]) -> _Names:
        """The names that mean something beside what the file declares."""
        env_access_key = f"{ACCESS_KEYS}[{len(tree.access_keys())}]"
        fixed = {ACCESS_KEY_VARIABLE: (env_access_key, "key"), SECRET_KEY_VARIABLE: SECRET_KEY_PLACE}
        for section, part in SECTIONS.items():
            for key, declared in keys_of(part).items():
                if declared.kind.one_line:
                    fixed[f"{PREFIX}{section}_{key}".upper()] = (section, key)
        keys = [key for key, declared in keys_of(ProviderSettings).items() if declared.kind.one_line]
        providers = frozenset([*tree.provider_ids(), *builtin])
        return cls(fixed, providers, tuple(sorted(keys, key=len, reverse=True)))

    def place(self, variable: str) -> tuple[str, str] | None:
        """The table and key a variable sets."""
        if variable in self.fixed:
            return self.fixed[variable]
        head = f"{PREFIX}{PROVIDERS}_".upper()
        if not variable.startswith(head):
            return None
        rest = variable.removeprefix(head)
        found = [
            (rest.removesuffix(f"_{key.upper()}").lower().replace("_", "-"), key)
            for key in self.provider_keys
            if rest.endswith(f"_{key.upper()}")
        ]
        found = [(id, key) for id, key in found if re.fullmatch(PROVIDER_ID, id)]
        best = next((pair for pair in found if pair[0] in self.providers), found[0] if found else None)
        return None if best is None else (f"{PROVIDERS}.{best[0]}", best[1])

    def all(self) -> list[str]:
        """Every name that may be meant by one that is unknown."""
        ids = (id.upper().replace("-", "_") for id in self.providers)
        return [
            *self.fixed,
            *(f"AIGW_PROVIDERS_{id}_{key.upper()}" for id in ids for key in self.provider_keys),
        ]

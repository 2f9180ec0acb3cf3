"""The candidates of a request, in order: each name, each credential of its provider; never one twice."""

from __future__ import annotations

import attrs

from aigw.adapter import Operation, Outgoing, Provider
from aigw.errors import InvalidBody, LossyTranslation, NoCredentials, NotAllowed, Refusal
from aigw.records import AccessKey, ProviderKey
from aigw.routing.resolve import Target, resolve
from aigw.snapshot import Snapshot

# A request lists a handful of fallbacks; a longer list is a mistake or an attack on the time of the plan.
MAX_NAMES = 32
# The longest known ids (a cloud's resource names) have some two hundred characters; plans are kept by name.
MAX_NAME = 512


@attrs.frozen(eq=False)
class Candidate:
    """One thing to try: a model of a provider with one of its keys. `known` bounds the labels of metrics.

    `shown` are the response header lines that tell of it; a plan is kept, so they are written once. `kept` holds, by
    operation, how a request goes out where that is always the same.
    """

    provider: Provider
    model: str
    key: ProviderKey | None
    known: bool
    shown: bytes = attrs.field(init=False, repr=False)
    kept: dict[str, Outgoing] = attrs.field(factory=dict, init=False, repr=False)

    @shown.default
    def _shown(self) -> bytes:
        # The name may be the caller's own: nothing in it may end the line, and headers are ASCII.
        model = "".join(char if " " < char < "\x7f" else "?" for char in self.model)
        return f"x-aigw-provider: {self.provider.id}\r\nx-aigw-model: {model}\r\n".encode("ascii")


@attrs.frozen
class Passed:
    """A name that gave no candidate, and why: what `explain` shows and a refusal says."""

    name: str
    refusal: Refusal


@attrs.frozen
class Plan:
    """The candidates in order, and the names that were passed over."""

    candidates: tuple[Candidate, ...]
    passed: tuple[Passed, ...] = ()


def plan(
    operation: Operation, model: str | None, models: tuple[str, ...], access_key: AccessKey, snapshot: Snapshot
) -> Plan:
    """All candidates for a request. Raises the first name's Refusal when there are none.

    A name that cannot be called (unknown, out of scope, another format, no key) is passed over as long as another
    one can.
    """
    names = ((model,) if model is not None else ()) + models
    if not names:
        raise InvalidBody("`model` is missing: name a model, or list some in `models`.", param="model")
    if len(names) > MAX_NAMES:
        raise InvalidBody(f"`models` lists more than {MAX_NAMES} entries.", param="models")
    if max(map(len, names)) > MAX_NAME:
        raise InvalidBody(f"A model's name is longer than {MAX_NAME} characters.", param="model")
    candidates: list[Candidate] = []
    passed: list[Passed] = []
    seen: set[tuple[str, str]] = set()
    for name in names:
        try:
            target = _callable(operation, resolve(name, snapshot), access_key)
            keys = credentials(target, snapshot)
        except Refusal as refusal:
            passed.append(Passed(name, refusal))
            continue
        if (target.provider.id, target.model) not in seen:
            seen.add((target.provider.id, target.model))
            candidates += [Candidate(target.provider, target.model, key, target.known) for key in keys]
    if not candidates:
        raise _first_that_matters(passed)
    return Plan(tuple(candidates), tuple(passed))


def _callable(operation: Operation, target: Target, access_key: AccessKey) -> Target:
    """The target, if the key's scope allows it and the provider serves this surface."""
    provider = target.provider
    if not {".", ".."}.isdisjoint(target.model.split("/")):
        # Where a model stands in the path it could climb out of the provider's.
        raise InvalidBody(f"`{target.model}` is no model's name.", param="model")
    if not access_key.scope.allows(provider.id, target.model):
        raise NotAllowed(
            f"This access key may not call the model `{target.model}` of the provider `{provider.id}`."
            " Ask the operator to add it to the key's configuration.",
            param="model",
        )
    if operation.surface not in provider.surfaces:
        raise LossyTranslation(
            f"The provider `{provider.id}` has no {operation.surface} surface, and this version of the gateway does"
            f" not translate requests to another one yet. It serves: {', '.join(sorted(provider.surfaces))}.",
            param="model",
        )
    return target


def credentials(target: Target, snapshot: Snapshot) -> tuple[ProviderKey | None, ...]:
    """The keys to try, in order: the account's own, then managed ones. Raises NoCredentials."""
    provider = target.provider
    keys = snapshot.keys_of(provider.id)
    if keys:
        return keys
    if not provider.needs_key:
        return (None,)
    variables = " or ".join(provider.key_variables)
    way = f"set {variables} in the environment, or " if variables else ""
    raise NoCredentials(
        f"There is no provider key for `{provider.id}`: {way}add `keys` under [providers.{provider.id}] in the"
        " configuration.",
        param="model",
    )


def _first_that_matters(passed: list[Passed]) -> Refusal:
    """The refusal of the first name, but scope first: it is decided before anything else is said of a model."""
    for entry in passed:
        if isinstance(entry.refusal, NotAllowed):
            return entry.refusal
    return passed[0].refusal

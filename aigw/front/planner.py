"""Plans, remembered per snapshot: the same key asks for the same model many times a second."""

from __future__ import annotations

from aigw import adapter
from aigw.adapter import Operation
from aigw.errors import NoCredentials, NotFound
from aigw.records import AccessKey
from aigw.routing.plan import Candidate, Plan, plan
from aigw.snapshot import Snapshot

# A caller may vary the model's name in every request; the bound keeps that from filling the memory.
MAX_PLANS = 4096
MAX_STORED = 10_000

_Asked = tuple[str, str | None, tuple[str, ...], str]


class Planner:
    """Plans for one snapshot at a time, and where stored responses were made."""

    def __init__(self) -> None:
        self._epoch = -1
        self._plans: dict[_Asked, Plan] = {}
        self._stored: dict[str, str] = {}

    def plan(
        self, operation: Operation, model: str | None, models: tuple[str, ...], key: AccessKey, snapshot: Snapshot
    ) -> Plan:
        """The candidates of a request. Raises Refusal as `routing.plan` does; refusals are not remembered."""
        if snapshot.epoch != self._epoch:
            self._plans.clear()
            self._epoch = snapshot.epoch
        asked = (operation.name, model, models, key.id)
        known = self._plans.get(asked)
        if known is None:
            known = plan(operation, model, models, key, snapshot)
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            self._plans[asked] = known
        return known

    def remember(self, response_id: str, provider: str) -> None:
        """Note which provider made a stored response, so that it is asked first for it."""
        if len(self._stored) >= MAX_STORED and response_id not in self._stored:
            del self._stored[next(iter(self._stored))]
        self._stored[response_id] = provider

    def stored(self, response_id: str, key: AccessKey, snapshot: Snapshot) -> Plan:
        """Who may hold a stored response: its maker if known, then every provider with the surface.

        A provider that does not have it answers 404, and the next one is asked. Raises NoCredentials.
        """
        maker = self._stored.get(response_id)
        candidates = [
            Candidate(provider, "", provider_key, False)
            for provider in sorted(snapshot.providers.values(), key=lambda each: (each.id != maker, each.id))
            if adapter.RESPONSES in provider.surfaces and _in_scope(key, provider.id)
            for provider_key in snapshot.keys_of(provider.id) or (() if provider.needs_key else (None,))
        ]
        maker = self._stored.get(response_id)
        if maker is not None and all(each.provider.id != maker for each in candidates):
            raise NotFound(
                f"The response {response_id} was made by the provider `{maker}`, which stores none: it has no responses"
                " surface, and the gateway translated the request.",
                code="response_not_stored",
            )
        if not candidates:
            raise NoCredentials("No provider with the responses surface has a key here, so none can hold a response.")
        return Plan(tuple(candidates))


def _in_scope(key: AccessKey, provider: str) -> bool:
    """Whether the key may call anything of this provider; which model made a response is not known."""
    scope = key.scope
    if scope.providers is not None and provider not in scope.providers:
        return False
    return scope.models is None or any(of == provider for of, _ in scope.models)

"""Plans, remembered per snapshot: the same key asks for the same model many times a second."""

from __future__ import annotations

from collections.abc import Iterable

from aigw import adapter
from aigw.adapter import Operation, Provider
from aigw.errors import NoCredentials, NotFound
from aigw.records import MANAGED, AccessKey
from aigw.routing.plan import Candidate, Credential, Plan, credentials, plan
from aigw.routing.resolve import Target
from aigw.snapshot import Account

# A caller may vary the model's name in every request; the bound keeps that from filling the memory.
MAX_PLANS = 4096
MAX_STORED = 10_000

_Asked = tuple[str, str | None, tuple[str, ...], str]


class Planner:
    """Plans for one snapshot at a time, and where stored responses were made.

    Accounts never meet here: a plan is kept for the grant of an access key, a response for the account it was made
    for.
    """

    def __init__(self) -> None:
        self._epoch = -1
        self._plans: dict[_Asked, Plan] = {}
        self._stored: dict[tuple[str, str], str] = {}

    def plan(
        self, operation: Operation, model: str | None, models: tuple[str, ...], key: AccessKey, account: Account
    ) -> Plan:
        """The candidates of a request. Raises Refusal as `routing.plan` does; refusals are not remembered."""
        if account.epoch != self._epoch:
            if account.epoch < self._epoch:
                # A request that began before the last change, and whose body has told more only now.
                return plan(operation, model, models, key, account)
            self._plans.clear()
            self._epoch = account.epoch
        asked = (operation.name, model, models, key.grant or key.id)
        known = self._plans.get(asked)
        if known is None:
            known = plan(operation, model, models, key, account)
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            self._plans[asked] = known
        return known

    def remember(self, account: str, response_id: str, provider: str) -> None:
        """Note which provider made a stored response of an account, so that it is asked first for it."""
        name = (account, response_id)
        if len(self._stored) >= MAX_STORED and name not in self._stored:
            del self._stored[next(iter(self._stored))]
        self._stored[name] = provider

    def stored(self, response_id: str, key: AccessKey, account: Account) -> Plan:
        """Who may hold a stored response: its maker if known, then every provider with the surface.

        A provider that does not have it answers 404, and the next one is asked. Where the operator's keys serve several
        accounts they hold all accounts' responses: they are used for those alone that are known to be this account's.
        Raises NoCredentials, NotFound.
        """
        maker = self._stored.get((account.id, response_id))
        candidates: list[Candidate] = []
        for provider in sorted(account.providers.values(), key=lambda each: (each.id != maker, each.id)):
            if adapter.RESPONSES in provider.surfaces and _in_scope(key, provider.id):
                for each in _credentials(provider, key, account):
                    if not account.apart or provider.id == maker or not _managed(each):
                        candidates.append(
                            Candidate(provider, "", each.key, False, group=each.group, strategy=each.strategy)
                        )
        if maker is not None and all(each.provider.id != maker for each in candidates):
            raise NotFound(
                f"The response {response_id} was made by the provider `{maker}`, which stores none: it has no responses"
                " surface, and the gateway translated the request.",
                code="response_not_stored",
            )
        if not candidates:
            raise NoCredentials("No provider with the responses surface has a key here, so none can hold a response.")
        return Plan(tuple(candidates))


def _credentials(provider: Provider, key: AccessKey, account: Account) -> Iterable[Credential]:
    """The keys for whatever model made it: by the provider's rule, then by those of its models; none twice."""
    rules = key.configuration.rules if key.configuration is not None else {}
    found: dict[str, Credential] = {}
    for model in ("", *[model for of, model in rules if of == provider.id]):
        try:
            for each in credentials(Target(provider, model, False), key, account):
                found.setdefault(each.key.id if each.key is not None else "", each)
        except NoCredentials:
            continue
    return found.values()


def _managed(credential: Credential) -> bool:
    return credential.key is not None and credential.key.source == MANAGED


def _in_scope(key: AccessKey, provider: str) -> bool:
    """Whether the key may call anything of this provider; which model made a response is not known."""
    scope = key.scope
    if scope.providers is not None and provider not in scope.providers:
        return False
    return scope.models is None or any(of == provider for of, _ in scope.models)

"""Whatever accounts hold, none is served with what is another's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aigw import operations
from aigw.errors import Refusal
from aigw.front.planner import Planner
from aigw.routing.plan import Plan
from aigw.store.records import OPERATOR_ACCOUNT
from aigw.store.specs import Rule, Step

from ..support.holding import DEFAULT, FILE_TOKEN, FIRST, MANAGED, SECOND, TOKEN, Holding, known, served

SOURCES = st.sampled_from(["box", "crate", FIRST, SECOND])
THINGS = st.lists(
    st.tuples(st.sampled_from(["provider", "key", "alias", "rule", "managed"]), st.integers(0, 2), SOURCES), max_size=25
)
ALIASES = ("fast", "slow")


def filled(things: list[tuple[str, int, str]]) -> tuple[Holding, list[str]]:
    """A store of three accounts with such things; every secret and every URL tells whose it is."""
    holding = Holding()
    accounts = [DEFAULT, holding.account("one"), holding.account("two")]
    rules: dict[str, list[Rule]] = {account: [] for account in accounts}
    made: set[tuple[str, str, str]] = set()
    for kind, number, name in things:
        account = accounts[number]
        if (kind, account, name) in made and kind in ("provider", "alias", "rule"):
            continue
        made.add((kind, account, name))
        if kind == "provider":
            holding.provider(account, name, f"https://{account.replace('_', '-')}.example/v1", models=["m", "own"])
        elif kind == "managed":
            holding.provider_key(OPERATOR_ACCOUNT, name, OPERATOR_ACCOUNT)
        elif kind == "alias":
            holding.alias(account, ALIASES[len(name) % 2] + name, f"{name}:m")
        elif kind == "rule":
            # Every key there is, the other accounts' among them.
            rules[account].append(Rule(name, None, (Step("user", "ordered", tuple(holding.values)), MANAGED)))
        else:
            holding.provider_key(account, name, account)
    for account in accounts:
        holding.access_key(account, account + TOKEN, holding.configuration(account, *rules[account]))
        holding.access_key(account, account + FILE_TOKEN)
    return holding, accounts


NAMES = (*(f"{name}:m" for name in ("box", "crate", FIRST, SECOND)), "m", "own")


@settings(max_examples=25, deadline=None)
@given(THINGS)
@example([("provider", 1, FIRST), ("managed", 0, FIRST), ("managed", 0, SECOND), ("alias", 1, FIRST)])
@example([(kind, account, "box") for kind in ("provider", "key", "alias", "rule") for account in range(3)])
@example([("key", 0, "box"), ("managed", 0, "box"), ("provider", 1, "box"), ("alias", 2, "box"), ("rule", 2, FIRST)])
def test_accounts_never_meet(things: list[tuple[str, int, str]]) -> None:
    """Whatever they hold: no key, address, alias, plan or stored response of one account serves another."""
    holding, accounts = filled(things)
    snapshot, planner = served(holding), Planner()
    for account, maker in zip(accounts, ("box", "crate", FIRST), strict=True):
        planner.remember(account, "resp_1", maker)
    for account in accounts:
        own = snapshot.account(account)
        for token in (account + TOKEN, account + FILE_TOKEN):
            key = known(snapshot, token)
            assert key.account == account
            for name in (*NAMES, *own.aliases, *(alias for each in snapshot.others.values() for alias in each.aliases)):
                for operation in (operations.CHAT, operations.EMBEDDINGS):
                    check(partial(planner.plan, operation, name, (), key, own), account)
            check(partial(planner.stored, "resp_1", key, own), account)


def check(planned: Callable[[], Plan], account: str) -> None:
    """Whose addresses and keys these are."""
    try:
        found = planned().candidates
    except Refusal:
        return
    for each in found:
        owned = each.provider.owner
        assert owned in ("", account)
        if owned:
            assert account.replace("_", "-") in each.provider.base_url
        if each.key is not None:
            allowed = {account} if owned else {account, OPERATOR_ACCOUNT}
            assert each.key.secret.reveal() in allowed
            assert each.key.provider == each.provider.id

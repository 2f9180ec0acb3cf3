"""Who calls the control API, and in which account?

A token is looked up with every request: what was revoked is refused by the next one, whoever revoked it. What cannot
be a token is refused without a look-up.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from aigw.control.backoff import Backoff
from aigw.control.message import Request
from aigw.control.problems import ApiError, missing
from aigw.control.routes import OPERATOR, Route
from aigw.store import tokens
from aigw.store.contract import Store
from aigw.store.errors import Invalid, NotFound, StoreError
from aigw.store.records import DEFAULT_NAME, OPERATOR_ACCOUNT, ApiKeyRecord, Use

_K = TypeVar("_K")
_V = TypeVar("_V")

ACCOUNT_HEADER = "aigw-account"
# Seconds between two notes of when an API key was used.
TOUCH_SECONDS = 60.0
# Tokens that were right before, known by digests under a key of this process; API keys whose use was noted.
MOST_KNOWN = 1024


class Authentication:
    """Tells who calls, by API keys, and for which account. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._backoff = Backoff()
        self._pepper = secrets.token_bytes(32)
        # A key that was right is let in from an address from which somebody else sends wrong ones.
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._noted: OrderedDict[str, float] = OrderedDict()

    def token(self, request: Request) -> str:
        """The token of a request, well formed. Raises ApiError."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError("unauthorized", "Send an API key: Authorization: Bearer aigw-api-…")
        now = self._clock()
        wait = self._backoff.wait(request.peer, now)
        ours = tokens.is_ours(token, tokens.API)
        if wait and self._digest(token) not in self._right and not (ours and self._backoff.spares(now)):
            raise _too_many(wait)
        if not ours:
            self._wrong(request.peer, now)
            raise ApiError("unauthorized", "This is not an API key: they begin with aigw-api-; or it was mistyped.")
        return token

    async def caller(self, store: Store, token: str, peer: str) -> ApiKeyRecord:
        """Whose token this is. Raises ApiError, StoreError."""
        try:
            found = await store.api_keys.authenticate(token)
        except NotFound:
            self._right.pop(self._digest(token), None)
            self._wrong(peer, self._clock())
            raise ApiError("unauthorized", "This API key is not known, or was deleted.") from None
        self._backoff.served(peer)
        _remember(self._right, self._digest(token), None)
        await self._note(store, found)
        return found

    async def account(self, store: Store, caller: ApiKeyRecord, request: Request, route: Route, default: str) -> str:
        """The account that a call is about. Raises ApiError, StoreError."""
        asked = request.headers.get(ACCOUNT_HEADER, "").encode("latin-1").decode(errors="replace")
        if caller.role != OPERATOR:
            if route.role == OPERATOR:
                raise ApiError("forbidden", "This needs an operator's API key.")
            return await _own(store, caller.account_id, asked)
        if asked == OPERATOR_ACCOUNT:
            if not route.in_operator_account:
                raise missing("account")
            return OPERATOR_ACCOUNT
        return await _named(store, asked) if asked else default

    def _digest(self, token: str) -> bytes:
        return tokens.digest(token.encode("utf-8", "surrogatepass"), self._pepper)

    def _wrong(self, peer: str, now: float) -> None:
        self._backoff.failed(peer, now)
        if wait := self._backoff.wait(peer, now):
            structlog.get_logger().warning("control_wrong_keys", peer=peer, wait_seconds=round(wait, 1))

    async def _note(self, store: Store, caller: ApiKeyRecord) -> None:
        """Note that a key was used: once in a while, not with each request."""
        now = self._clock()
        if now - self._noted.get(caller.id, -math.inf) < TOUCH_SECONDS:
            return
        _remember(self._noted, caller.id, now)
        with contextlib.suppress(StoreError):
            await store.touch([Use(caller.account_id, caller.id, datetime.now(UTC))])


async def _own(store: Store, account: str, asked: str) -> str:
    """The account of a key, which may name no other. Raises ApiError, StoreError."""
    if asked not in ("", account) and asked != (await store.accounts.get(account)).spec.name:
        raise missing("account")
    return account


async def _named(store: Store, asked: str) -> str:
    """The id of an account, by its id or name. Raises ApiError, StoreError."""
    for find in (store.accounts.get, store.accounts.named):
        with contextlib.suppress(NotFound, Invalid):
            return (await find(asked)).id
    raise missing("account")


async def default_account(store: Store) -> str:
    """The id of the account that every store has."""
    return (await store.accounts.named(DEFAULT_NAME)).id


def _too_many(wait: float) -> ApiError:
    seconds = max(1, math.ceil(wait))
    message = f"Too many wrong API keys came from this address: try again in {seconds} s."
    return ApiError("tooManyFailures", message, {"retryAfter": seconds}, headers=(("retry-after", str(seconds)),))


def _remember(known: OrderedDict[_K, _V], name: _K, value: _V) -> None:
    known[name] = value
    known.move_to_end(name)
    if len(known) > MOST_KNOWN:
        known.popitem(last=False)

"""What becomes of a caller's connection after an answer that stopped midway."""

from typing import Any

import pytest

MESSAGE = {"messages": [{"role": "user", "content": "hello there canary"}]}
CUT = "up:sandbox-small!cut-events=2c"


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/chat/completions", MESSAGE), ("/v1/messages", {**MESSAGE, "max_tokens": 99})],
    ids=["chat", "messages"],
)
async def test_it_is_kept_where_the_body_ended_properly(path: str, body: dict[str, Any], gateway: Any) -> None:
    """Where the error is an event and the body ends after it, the next request on the connection is answered."""
    gate = await gateway()
    caller = await gate.caller()
    caller.ask({**body, "model": CUT, "stream": True}, path)
    broken = await caller.answer()
    assert broken.complete
    assert b"stopped midway" in broken.body
    caller.ask({**body, "model": "up:sandbox-small"}, path)
    following = await caller.answer()
    assert following.status == 200
    assert b"canary" in following.body
    assert [record.outcome for record in gate.records] == ["broken", "ok"]


async def test_it_is_closed_where_only_a_cut_is_understood(gateway: Any) -> None:
    """Where SDKs take any proper end for success, the body has none and the connection closes."""
    gate = await gateway()
    caller = await gate.caller()
    caller.ask({"model": CUT, "input": "hello there canary", "stream": True}, "/v1/responses")
    broken = await caller.answer()
    assert not broken.complete
    assert b"stopped midway" in broken.body
    assert await caller.rest() == b""

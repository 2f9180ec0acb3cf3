"""No secret leaves the control API but a new token, once."""

from __future__ import annotations

import structlog

from aigw.control.routes import ID
from aigw.control.table import routes

from .conftest import Live

CANARY = "canary-0123456789-abcdefghij"


async def test_no_secret_in_answers_logs_or_audit(live: Live) -> None:
    """Tokens are told by the answer that made them; values of provider keys by none, whatever goes wrong."""
    with structlog.testing.capture_logs() as logs:
        made = [await live.made(path, {"name": "x"}) for path in ("/access-keys", "/api-keys")]
        tokens = [each.pop("token") for each in made]
        made.append(await live.made("/provider-keys", {"providerId": "openai", "value": CANARY}))
        inline = {"provider": "openai", "steps": [{"type": "user", "keys": [{"name": "inline", "value": CANARY}]}]}
        made.append(await live.made("/access-key-configurations", {"router": {"rules": [inline]}}))
        heard = [await live.ask("GET", each["uri"]) for each in made]
        heard += [await live.ask("GET", each.path) for each in routes() if each.method == "GET" and ID not in each.path]
        heard.append(await live.ask("GET", "/audit?everywhere=true"))
        heard.append(await live.ask("POST", f"{made[2]['uri']}/rotate", {"value": CANARY + "2"}))
        for odd in ({"value": CANARY, "x": 1}, {"value": [CANARY]}, {"value": CANARY + "\n"}, CANARY):
            heard.append(await live.ask("POST", f"{made[2]['uri']}/rotate", odd))
            assert heard[-1].status == 400
        for token in tokens:
            heard.append(await live.ask("GET", "/whoami", token=token + "x"))
    told = b"".join(each.body for each in heard).decode() + str(made) + str(logs)
    for secret in (*tokens, CANARY, live.operator, live.token):
        assert secret not in told


async def test_a_redacted_form_is_no_value(live: Live) -> None:
    """What a list shows of a key is not taken for the key."""
    key = await live.made("/provider-keys", {"providerId": "openai", "value": CANARY})
    for body in ({"value": key["keyRedacted"]}, {"value": "•••••"}):
        heard = await live.ask("POST", f"{key['uri']}/rotate", body)
        assert (heard.status, heard.told["details"]) == (400, {"field": "value"})

"""Arguments of tool calls on their way into a provider's request: JSON text that is an object.

What is one stays byte for byte, so that prompt caches hit. Models that have nothing to say write `""` or `null`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from aigw.wire.losses import Ledger
from aigw.wire.neutral import ToolCall
from aigw.wire.places import quoted, refusal

_object: Final = msgspec.json.Decoder(dict).decode
_value: Final = msgspec.json.Decoder().decode
_NOTHING: Final = frozenset({"", "null"})


def arranged(call: ToolCall, ledger: Ledger, *, objects: bool) -> ToolCall:
    """The same call with arguments that the target takes: an object, or any text where `objects` is false.

    Raises InvalidBody for anything else than an object where there must be one.
    """
    text = call.arguments
    if not call.name:
        raise refusal(call.at, "is a call of a tool without a name")
    if call.custom or text == "{}":
        return call
    if text.strip() in _NOTHING:
        ledger.rewrite(call.at, f"arguments {text or 'of no text'} became an empty object")
        return msgspec.structs.replace(call, arguments="{}")
    if objects:
        _check(call)
    return call


def _check(call: ToolCall) -> None:
    try:
        _object(call.arguments)
        return
    except (ValueError, RecursionError) as error:
        problem = str(error)
    try:
        _value(call.arguments)
        problem = "they are JSON, but not an object"
    except (ValueError, RecursionError):
        pass
    name = quoted(call.name)
    raise refusal(call.at, f"is a call of {name} whose arguments are not the JSON text of an object: {problem}")

"""Calls of tools and their results in the order that every provider takes: results right behind the call's turn.

Providers refuse a call without a result, a result without a call, and anything between the two; each in words of its
own, some minutes into an agent's work. What can be put in order without a guess is; the rest is refused by its place.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import Part, ToolCall, ToolResult, Turn
from aigw.wire.places import quoted, refusal


def paired(turns: list[Turn], ledger: Ledger, *, continued: bool) -> list[Turn]:
    """The turns with each result behind the turn of its call, in the order of the calls, and named after its tool.

    `continued`: the conversation goes on from one that the provider has stored, so results may answer calls that are
    not here. Raises InvalidBody, naming the place, for calls without a result, results without a call and ids that
    are not clear.
    """
    arranged: list[Turn] = []
    position = 0
    while position < len(turns):
        start = position
        while position < len(turns) and turns[position].role == "assistant":
            position += 1
        middle = position
        while position < len(turns) and turns[position].role != "assistant":
            position += 1
        arranged += _episode(turns[start:middle], turns[middle:position], ledger, continued=continued)
    return arranged


def _episode(said: list[Turn], answered: list[Turn], ledger: Ledger, *, continued: bool) -> list[Turn]:
    """Turns of the assistant, and what follows up to its next one."""
    calls = _calls(said)
    _refuse_misplaced(said, answered)
    results = _results(answered, calls, continued=continued)
    for call in calls.values():
        if call.id not in results:
            raise refusal(
                call.at,
                f"is the tool call {quoted(call.id)} of {quoted(call.name)} without a result: send the result of"
                " every call right behind the assistant's turn, before anything else",
            )
    if not calls:
        return said + answered  # what is stored has its order
    wanted = sorted(results.values(), key=_rank(calls))
    return _one_turn(said, calls, ledger) + _in_order(answered, wanted, calls, ledger)


def _calls(said: list[Turn]) -> dict[str, ToolCall]:
    calls: dict[str, ToolCall] = {}
    for turn in said:
        for part in turn.parts:
            if type(part) is not ToolCall:
                continue
            if part.id in calls:
                raise refusal(
                    part.at,
                    f"is a tool call with the id {quoted(part.id)}, as another call of the same turn: give each call"
                    " an id of its own",
                )
            calls[part.id] = part
    return calls


def _refuse_misplaced(said: list[Turn], answered: list[Turn]) -> None:
    for turns, misplaced, whose in ((said, ToolResult, "the user or the tool"), (answered, ToolCall, "the assistant")):
        for turn in turns:
            for part in turn.parts:
                if type(part) is misplaced:
                    what = "result" if misplaced is ToolResult else "call"
                    raise refusal(
                        part.at, f"is a tool {what} in a turn of the role {turn.role}: it belongs into one of {whose}"
                    )


def _results(answered: list[Turn], calls: dict[str, ToolCall], *, continued: bool) -> dict[str, ToolResult]:
    results: dict[str, ToolResult] = {}
    for turn in answered:
        for part in turn.parts:
            if type(part) is not ToolResult:
                continue
            if part.call_id not in calls and not continued:
                raise refusal(
                    part.at,
                    f"is a tool result for the call {quoted(part.call_id)}, which is not in the assistant's turn before"
                    " it: send that turn with its tool calls first, then their results",
                )
            if part.call_id in results:
                raise refusal(
                    part.at,
                    f"is the second tool result for the call {quoted(part.call_id)}: send one result for each call",
                )
            results[part.call_id] = part
    return results


def _rank(calls: dict[str, ToolCall]) -> Any:
    order = {id: at for at, id in enumerate(calls)}
    return lambda result: order.get(result.call_id, len(order))


def _one_turn(said: list[Turn], calls: dict[str, ToolCall], ledger: Ledger) -> list[Turn]:
    """The turns from the first with a call on as one: what follows must be the results, and calls stay parallel."""
    first = next((at for at, turn in enumerate(said) if any(type(part) is ToolCall for part in turn.parts)), len(said))
    calling = said[first:]
    if len(calling) < 2:
        return said
    parts: list[Part] = []
    own: dict[str, Any] = {}
    for turn in calling:
        parts += turn.parts
        for name, value in (turn.own or {}).items():
            if own.setdefault(name, value) != value:
                ledger.drop(child(turn.at, name), "turns of the assistant with calls of tools became one turn")
        if turn.name != calling[0].name:
            ledger.drop(turn.at, "the speaker's name: turns of the assistant with calls of tools became one turn")
    return [*said[:first], msgspec.structs.replace(calling[0], parts=parts, own=own or None)]


def _in_order(answered: list[Turn], wanted: list[ToolResult], calls: dict[str, ToolCall], ledger: Ledger) -> list[Turn]:
    named = {id(result): _named(result, calls.get(result.call_id), ledger) for result in wanted}
    found = [part for turn in answered for part in turn.parts if type(part) is ToolResult]
    if all(left is right for left, right in zip(found, wanted, strict=True)) and _lead(answered, len(wanted)):
        return [_with(turn, [named.get(id(part), part) for part in turn.parts]) for turn in answered]
    leading = found[: _leading(answered)]
    for at, result in enumerate(wanted):
        if at >= len(leading) or leading[at] is not result:
            ledger.rewrite(result.at, "results of tools were moved behind their calls, into the order of the calls")
    first = next(turn for turn in answered if any(type(part) is ToolResult for part in turn.parts))
    turns = [Turn(role="tool", parts=[named[id(result)] for result in wanted], at=first.at)]
    for turn in answered:
        rest = [part for part in turn.parts if type(part) is not ToolResult]
        if rest:
            turns.append(_with(turn, rest) if turn.role != "tool" else Turn(role="user", parts=rest, at=turn.at))
    return turns


def _leading(answered: list[Turn]) -> int:
    """How many results stand before anything else."""
    count = 0
    for turn in answered:
        for part in turn.parts:
            if type(part) is not ToolResult:
                return count
            count += 1
    return count


def _lead(answered: list[Turn], count: int) -> bool:
    """Whether the results stand before anything else, in turns of their own."""
    if _leading(answered) != count:
        return False
    return all(
        type(turn.parts[0]) is type(turn.parts[-1]) or not any(type(part) is ToolResult for part in turn.parts)
        for turn in answered
        if turn.parts
    )


def _with(turn: Turn, parts: list[Part]) -> Turn:
    if all(left is right for left, right in zip(turn.parts, parts, strict=False)) and len(parts) == len(turn.parts):
        return turn
    return msgspec.structs.replace(turn, parts=parts)


def _named(result: ToolResult, call: ToolCall | None, ledger: Ledger) -> ToolResult:
    if call is None or (result.name == call.name and result.custom == call.custom):
        return result
    if result.name is not None and result.name != call.name:
        ledger.rewrite(result.at, f"the result was named {result.name}; its call is of {call.name}")
    return msgspec.structs.replace(result, name=call.name, custom=call.custom)

"""What the answer's text must be, for a provider: a schema where it is enforced, else a tool that the model must call.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

from typing import Any

from aigw.wire.draft import Draft
from aigw.wire.formats.messages import schema
from aigw.wire.formats.messages.blocks import NAME
from aigw.wire.formats.messages.sent_tools import ToolWriter
from aigw.wire.neutral import OutputFormat
from aigw.wire.structured import STRUCTURED_DESCRIPTION, STRUCTURED_TOOL

WRAPPED = f"{STRUCTURED_TOOL}_value"
"""The tool's name where the schema is not an object's: the answer is the member `value` of its input then."""

_ANY_OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": True}


def write_output(draft: Draft, tools: ToolWriter) -> dict[str, Any] | None:
    """The member `output_config.format`, None where there is none; then the tools may have got one more."""
    output: OutputFormat | None = draft.take("output")
    if output is None or output.kind == "text":
        return None
    if output.kind == "schema" and draft.dialect.json_schema and output.schema is not None:
        return _enforced(output, output.schema, draft)
    _force(output, draft, tools)
    return None


def _enforced(output: OutputFormat, wanted: dict[str, Any], draft: Draft) -> dict[str, Any]:
    if draft.conversation.own_format == NAME:
        return {"type": "json_schema", "schema": wanted}
    fitting, less = schema.enforced(wanted)
    if less:
        draft.ledger.approximate(draft.place("output"), "some rules of the schema are told, not enforced")
    return {"type": "json_schema", "schema": _named(output, fitting)}


def _named(output: OutputFormat, fitting: dict[str, Any]) -> dict[str, Any]:
    """The schema with what is said about it, which has no other place."""
    told = dict(fitting)
    if output.name is not None:
        told.setdefault("title", output.name)
    if output.description is not None:
        told.setdefault("description", output.description)
    return told


def _force(output: OutputFormat, draft: Draft, tools: ToolWriter) -> None:
    """A tool whose input is the answer. With tools of the caller's, the model calls one of them or this one."""
    place = draft.place("output")
    if tools.forces:
        draft.ledger.drop(place, "the model has to call a tool, so there is no text to be structured")
        return
    draft.ledger.approximate(place, "the answer is asked for as a call of a tool")
    told, name = output.schema or _ANY_OBJECT, STRUCTURED_TOOL
    if told.get("type") not in ("object", None):
        told, name = {"type": "object", "properties": {"value": told}, "required": ["value"]}, WRAPPED
    told, _ = schema.of_input(_named(output, told))
    if tools.choice is not None and draft.place("tool_choice"):
        draft.ledger.rewrite(draft.place("tool_choice"), "the answer is a call, too, so the model has to call a tool")
    alone = not tools.tools or (tools.choice is not None and tools.choice["type"] == "none")
    tools.tools.append({"name": name, "description": STRUCTURED_DESCRIPTION, "input_schema": told})
    parallel = (
        {}
        if tools.choice is None
        else {member: value for member, value in tools.choice.items() if member == "disable_parallel_tool_use"}
    )
    tools.choice = {"type": "tool", "name": name} if alone else {"type": "any", **parallel}

"""A caller's tools."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.gemini import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import ForeignTool, Tool, WebSearch

FUNCTION = "/tools/0/functionDeclarations/0"


@pytest.mark.parametrize(
    ("tool", "wanted"),
    [
        ({"functionDeclarations": [{"name": "f"}]}, [Tool(name="f", at=FUNCTION)]),
        (
            {"function_declarations": {"name": "f", "description": "d", "parameters": {"type": "OBJECT"}}},
            [Tool(name="f", description="d", parameters={"type": "object"}, at="/tools/0/function_declarations")],
        ),
        (
            {"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "OBJECT"}, "behavior": "B"}]},
            [Tool(name="f", parameters={"type": "OBJECT"}, at=FUNCTION, own={"behavior": "B"})],
        ),
        ({"googleSearch": {}}, [WebSearch(at="/tools/0/googleSearch")]),
        (
            {"google_search": {"exclude_domains": ["a"], "timeRangeFilter": {}}},
            [WebSearch(blocked_domains=["a"], at="/tools/0/google_search", own={"timeRangeFilter": {}})],
        ),
        (
            {"url_context": {}, "codeExecution": {}},
            [
                ForeignTool(format="gemini", value={"url_context": {}}, at="/tools/0/url_context"),
                ForeignTool(format="gemini", value={"codeExecution": {}}, at="/tools/0/codeExecution"),
            ],
        ),
    ],
)
def test_each_tool(tool: dict[str, Any], wanted: list[Any]) -> None:
    """Functions and the search are known everywhere, all others to Gemini alone."""
    body = {"contents": [{"parts": [{"text": "a"}]}], "tools": [tool]}
    assert FORMAT.read_request(body, "m", Ledger(), stream=False).tools == wanted


def test_two_schemas() -> None:
    """Of two schemas of one function the one that can say more stands, and the ledger names the other."""
    ledger = Ledger()
    function = {"name": "f", "parameters": {"type": "OBJECT"}, "parametersJsonSchema": {"type": "object"}}
    body = {"contents": [{"parts": [{"text": "a"}]}], "tools": [{"functionDeclarations": [function]}]}
    FORMAT.read_request(body, "m", ledger, stream=False)
    assert [entry.pointer for entry in ledger.entries] == [f"{FUNCTION}/parameters"]

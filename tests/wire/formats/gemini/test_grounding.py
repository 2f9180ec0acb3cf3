"""Citations out of grounding, and back."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.gemini.grounding import citations_of, metadata, rest_of
from aigw.wire.neutral import Citation


@pytest.mark.parametrize(
    ("chunk", "wanted"),
    [
        ({"web": {"uri": "u", "title": "t"}}, Citation(kind="url", url="u", title="t")),
        (
            {"web": {"uri": "u", "domain": "d"}},
            Citation(kind="url", url="u", own={"web": {"domain": "d"}}),
        ),
        (
            {"retrievedContext": {"uri": "u", "title": "t", "text": "x"}},
            Citation(kind="file", url="u", title="t", cited="x"),
        ),
        ({"maps": {"uri": "u"}}, Citation(kind="url", url="u", own={"maps": {}})),
    ],
)
def test_each_source(chunk: dict[str, Any], wanted: Citation) -> None:
    """A source becomes a citation, and is written back the same."""
    assert citations_of({"groundingChunks": [chunk]}, None) == [(wanted, None)]
    assert metadata([(wanted, None)]) == {"groundingChunks": [chunk]}


def test_sources_of_older_models() -> None:
    """`citationSources` (or `citations`, on Vertex AI) are pages with a place and a licence."""
    source = {"startIndex": 1, "endIndex": 5, "uri": "u", "license": "mit"}
    wanted = [(Citation(kind="url", url="u", own={"license": "mit"}), (0, 1, 5, None))]
    assert citations_of(None, {"citationSources": [source]}) == wanted
    assert citations_of(None, {"citations": [source]}) == wanted


def test_supports_are_grouped() -> None:
    """Each source stands once, each place with all the sources behind it."""
    a, b = Citation(kind="url", url="a"), Citation(kind="url", url="b")
    assert metadata([(a, (0, 0, 2, None)), (b, (0, 0, 2, None)), (a, (0, 2, 4, "xy")), (a, (0, 0, 2, None))]) == {
        "groundingChunks": [{"web": {"uri": "a"}}, {"web": {"uri": "b"}}],
        "groundingSupports": [
            {"segment": {"endIndex": 2}, "groundingChunkIndices": [0, 1]},
            {"segment": {"startIndex": 2, "endIndex": 4, "text": "xy"}, "groundingChunkIndices": [0]},
        ],
    }


@pytest.mark.parametrize(
    "odd",
    [
        {"groundingChunks": 5, "groundingSupports": [5]},
        {"groundingChunks": [5, {"new": {}}], "groundingSupports": [{"groundingChunkIndices": [0, 1, 2, "x"]}]},
        [],
    ],
)
def test_oddities(odd: Any) -> None:
    """What is no source is none."""
    assert citations_of(odd, odd) == []


def test_the_rest() -> None:
    """Queries and the entry point stay Gemini's own."""
    assert rest_of({"groundingChunks": [], "webSearchQueries": ["q"]}) == {"webSearchQueries": ["q"]}
    assert rest_of(None) == {}

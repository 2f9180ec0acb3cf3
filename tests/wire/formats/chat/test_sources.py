"""Citations and log probabilities."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.chat.sources import annotation, citations_of, logprob_objects, logprobs_of, searched
from aigw.wire.neutral import Citation, Logprob


@pytest.mark.parametrize(
    ("annotations", "citations"),
    [
        (None, []),
        ([], []),
        ([{"type": "url_citation"}, "a", {"type": "file", "file": {}}], []),
        (
            [{"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 1, "end_index": 2}}],
            [Citation(kind="url", url="u", title="t", start=1, end=2)],
        ),
        (
            [{"type": "url_citation", "url_citation": {"url": "u", "content": "c"}}],
            [Citation(kind="url", url="u", cited="c")],
        ),
        ([{"type": "url_citation", "url": "u"}], [Citation(kind="url", url="u")]),
        (
            [{"type": "file_citation", "file_citation": {"file_id": "f", "filename": "n"}}],
            [Citation(kind="file", file_id="f", title="n")],
        ),
    ],
)
def test_annotations(annotations: Any, citations: list[Citation]) -> None:
    """Pages and files that a text cites, nested as OpenAI has them or flat."""
    assert citations_of(annotations) == citations


@pytest.mark.parametrize(
    ("results", "pages", "citations"),
    [
        (None, None, []),
        (None, ["u", 1, ""], [Citation(kind="url", url="u")]),
        (None, [{"url": "u"}], [Citation(kind="url", url="u")]),
        (
            [{"url": "u", "title": "t", "snippet": "s"}],
            ["v"],
            [Citation(kind="url", url="u", title="t", cited="s")],
        ),
    ],
)
def test_pages_of_a_search(results: Any, pages: Any, citations: list[Citation]) -> None:
    """Search results tell more than plain URLs, so they win."""
    assert searched(results, pages) == citations


def test_an_annotation() -> None:
    """A page over a range of the content; files and documents have none."""
    said = annotation(Citation(kind="url", url="u", cited="c"), 1, 2)
    inner = {"start_index": 1, "end_index": 2, "url": "u", "title": "", "content": "c"}
    assert said == {"type": "url_citation", "url_citation": inner}
    assert annotation(Citation(kind="file", file_id="f"), 1, 2) is None
    assert annotation(Citation(kind="url"), 1, 2) is None


TOKEN = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -1, "bytes": None}]}
ODDS = Logprob(token="a", logprob=-0.5, bytes=[97], top=[Logprob(token="b", logprob=-1)])


@pytest.mark.parametrize(
    ("value", "member", "logprobs"),
    [
        (None, "content", []),
        ({"content": None}, "content", []),
        ({"content": [TOKEN]}, "content", [ODDS]),
        ({"refusal": [TOKEN]}, "refusal", [ODDS]),
        ({"content": ["a", {"token": "a"}, {"token": 1, "logprob": 1}]}, "content", []),
        (
            {"tokens": ["a", "b"], "token_logprobs": [-1, None]},
            "content",
            [Logprob(token="a", logprob=-1)],
        ),
        ({"tokens": ["a"]}, "refusal", []),
    ],
)
def test_logprobs(value: Any, member: str, logprobs: list[Logprob]) -> None:
    """OpenAI's tokens, and Together's parallel arrays."""
    assert logprobs_of(value, member) == logprobs


def test_logprobs_back() -> None:
    """What was read is written as it was."""
    assert logprob_objects([ODDS]) == [TOKEN]

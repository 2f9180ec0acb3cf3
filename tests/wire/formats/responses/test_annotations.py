"""Annotations and log probabilities, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.responses.annotations import annotation, citation_of, logprobs_of, odds, says_less
from aigw.wire.neutral import Citation, Logprob

URL = "https://example.org/"

PAIRS: list[tuple[dict[str, Any], Citation]] = [
    (
        {"type": "url_citation", "start_index": 1, "end_index": 4, "url": URL, "title": "t"},
        Citation(kind="url", url=URL, title="t", start=1, end=4),
    ),
    (
        {"type": "file_citation", "file_id": "f", "filename": "a.pdf", "index": 3},
        Citation(kind="file", file_id="f", title="a.pdf", start=3),
    ),
    (
        {
            "type": "container_file_citation",
            "container_id": "c",
            "file_id": "f",
            "filename": "a.csv",
            "start_index": 0,
            "end_index": 2,
        },
        Citation(
            kind="file",
            file_id="f",
            title="a.csv",
            start=0,
            end=2,
            own={"container_id": "c", "type": "container_file_citation"},
        ),
    ),
    (
        {"type": "url_citation", "start_index": 1, "end_index": 2, "url": URL, "title": "t", "rank": 1},
        Citation(kind="url", url=URL, title="t", start=1, end=2, own={"rank": 1}),
    ),
    (
        {"type": "file_path", "file_id": "f", "index": 0},
        Citation(kind="file", file_id="f", start=0, own={"type": "file_path"}),
    ),
]


@pytest.mark.parametrize(("value", "citation"), PAIRS, ids=[case[0]["type"] for case in PAIRS])
def test_both_ways(value: dict[str, Any], citation: Citation) -> None:
    """Every documented annotation is read and written as itself."""
    assert citation_of(value) == citation
    assert annotation(citation, 9, home=True) == value
    assert not says_less(citation, home=True)


@pytest.mark.parametrize(
    ("citation", "written"),
    [
        (
            Citation(kind="url", url=URL),
            {"type": "url_citation", "start_index": 0, "end_index": 9, "url": URL, "title": ""},
        ),
        (
            Citation(kind="document", url=URL, title="t", cited="c"),
            {"type": "url_citation", "start_index": 0, "end_index": 9, "url": URL, "title": "t"},
        ),
        (Citation(kind="document", document=0, cited="c"), None),
        (
            Citation(kind="url", url=URL, title="t", own={"encrypted_index": "e"}),
            {"type": "url_citation", "start_index": 0, "end_index": 9, "url": URL, "title": "t"},
        ),
    ],
)
def test_other_formats_citations(citation: Citation, written: dict[str, Any] | None) -> None:
    """A citation without a place in the text is of all of it; for a part of the prompt there is no annotation."""
    assert annotation(citation, 9, home=False) == written
    assert says_less(citation, home=False) == bool(citation.cited or citation.own)


@pytest.mark.parametrize("value", [None, 7, {}, {"type": 7}])
def test_what_is_no_annotation(value: Any) -> None:
    """What says no type is none."""
    assert citation_of(value) is None


def test_log_probabilities() -> None:
    """They are read and written as they are; bytes that are not told are those of the token."""
    told = [
        {"token": "é", "bytes": [195, 169], "logprob": -0.5, "top_logprobs": []},
        {
            "token": "a",
            "bytes": [97],
            "logprob": 0,
            "top_logprobs": [{"token": "b", "bytes": [98], "logprob": -9999.0}],
        },
    ]
    read = logprobs_of(told)
    assert read == [
        Logprob(token="é", logprob=-0.5, bytes=[195, 169]),
        Logprob(token="a", logprob=0, bytes=[97], top=[Logprob(token="b", logprob=-9999.0, bytes=[98])]),
    ]
    assert odds(read) == told
    assert odds([Logprob(token="é", logprob=-0.5)]) == told[:1]


@pytest.mark.parametrize("value", [None, [], {}, [7], [{"token": "a"}], [{"token": 1, "logprob": 1}]])
def test_no_log_probabilities(value: Any) -> None:
    """What tells none is none."""
    assert logprobs_of(value) is None

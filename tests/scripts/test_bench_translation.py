"""Does the measurement tell what translating costs?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from ..support.measuring import SECONDS, exchange, left_behind, needs_tools, running


async def test_long_streams_have_their_deltas(bench: SimpleNamespace) -> None:
    """A long stream is a whole one of Messages, each of its deltas in a chunk of its own."""
    count = bench.asks.STORIES["long"]
    answer = await exchange(bench, "/long/v1/messages", [b"{}"], b"\r\n0\r\n\r\n")
    names = re.findall(rb"[0-9a-f]+\r\nevent: (\w+)\ndata: \{.*\}\n\n\r\n", answer)
    assert names[:2] == [b"message_start", b"content_block_start"]
    assert names[2:-3] == [b"content_block_delta"] * count
    assert names[-3:] == [b"content_block_stop", b"message_delta", b"message_stop"]


def test_what_was_not_asked_for_is_no_failure(bench: SimpleNamespace) -> None:
    """Without a LiteLLM the figure beside it is told as not measured; the command succeeds for all that."""
    (result,) = bench.translation.litellm(SimpleNamespace(litellm=None))
    assert "--litellm" in result.reason
    assert bench.cli._good(result)
    assert not bench.cli._good(bench.figures.Missing(result.figure, "it ended"))


@needs_tools
@pytest.mark.slow
def test_translation_is_measured(tmp_path: Path) -> None:
    """What translating costs is measured beside what passing costs, in time and memory."""
    arguments = ("--only", "chunks,translated,litellm,long", "--rounds", "1", "--seconds", "0.2", "--json")
    with running(tmp_path, *arguments) as process:
        output, complaints = process.communicate(timeout=SECONDS)
    assert process.returncode in (0, 1), complaints
    figures = {figure["number"]: figure for figure in json.loads(output)["figures"]}
    assert list(figures) == ["10a", "10b", "11a", "11b", "12a", "12b"]
    assert [number for number, figure in figures.items() if "error" in figure] == ["11b"], figures
    assert 0 < figures["11a"]["value"] < 1
    assert left_behind(tmp_path) == []

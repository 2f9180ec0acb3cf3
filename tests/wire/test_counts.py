"""Every dialect's usage object means what its provider bills."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.counts import complete, usage
from aigw.wire.shapes import Counts, Usage


def counts(figures: dict[str, Any]) -> Counts:
    """The usage object as it comes out of JSON."""
    return msgspec.json.decode(msgspec.json.encode(figures), type=Counts)


def meant(
    *figures: int | None, seconds: str | None = None, audio: tuple[int | None, int | None] = (None, None)
) -> Usage:
    """Input, output, cache read, cache write, of it for an hour, reasoning; what is left off was not said."""
    prompt, output, read, write, hour, reasoning = [*figures, *[None] * 6][:6]
    return Usage(prompt, output, read, write, hour, reasoning, *audio, Decimal(seconds) if seconds else None)


# Payloads in the shapes that the providers document or have been recorded to send.
DIALECTS: list[tuple[str, dict[str, Any], Usage | None]] = [
    # ---- OpenAI Chat Completions: cached and audio tokens are parts of the prompt, reasoning of the completion
    (
        "openai chat",
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 128,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        meant(2006, 300, 1920, None, None, 128, audio=(0, 0)),
    ),
    (
        "openai chat with cache writes",
        {
            "prompt_tokens": 1220,
            "completion_tokens": 100,
            "total_tokens": 1320,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 1217},
            "completion_tokens_details": {"reasoning_tokens": 100},
        },
        meant(1220, 100, 0, 1217, None, 100),
    ),
    (
        "openai audio",
        {
            "prompt_tokens": 76,
            "completion_tokens": 45,
            "total_tokens": 121,
            "prompt_tokens_details": {"audio_tokens": 60, "text_tokens": 16},
            "completion_tokens_details": {"audio_tokens": 33, "text_tokens": 12},
        },
        meant(76, 45, audio=(60, 33)),
    ),
    ("the three numbers", {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}, meant(9, 12)),
    ("details that are null", {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": None}, meant(9, 1)),
    ("explicit zeros", {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, meant(0, 0)),
    ("embeddings", {"prompt_tokens": 8, "total_tokens": 8}, meant(8)),
    ("embeddings with a zero", {"prompt_tokens": 8, "total_tokens": 8, "completion_tokens": 0}, meant(8, 0)),
    ("rerank and embeddings of a lone total", {"total_tokens": 56}, meant(56)),
    # ---- Responses
    (
        "responses",
        {
            "input_tokens": 36,
            "input_tokens_details": {"cached_tokens": 12},
            "output_tokens": 87,
            "output_tokens_details": {"reasoning_tokens": 64},
            "total_tokens": 123,
        },
        meant(36, 87, 12, None, None, 64),
    ),
    (
        "responses with cache writes",
        {
            "input_tokens": 2048,
            "input_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 512},
            "output_tokens": 5,
            "total_tokens": 2053,
        },
        meant(2048, 5, 1024, 512),
    ),
    ("responses without details", {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}, meant(7, 3)),
    (
        "responses of xAI",
        {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 20},
            "output_tokens": 50,
            "output_tokens_details": {"reasoning_tokens": 30},
            "total_tokens": 150,
            "context_details": {"input_tokens": 80, "output_tokens": 20},
        },
        meant(100, 50, 20, None, None, 30),
    ),
    (
        "images",
        {
            "input_tokens": 50,
            "input_tokens_details": {"image_tokens": 40, "text_tokens": 10},
            "output_tokens": 4160,
            "total_tokens": 4210,
        },
        meant(50, 4160),
    ),
    (
        "transcription by tokens",
        {
            "type": "tokens",
            "input_tokens": 14,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
            "output_tokens": 45,
            "total_tokens": 59,
        },
        meant(14, 45, audio=(14, None)),
    ),
    ("transcription by duration", {"type": "duration", "seconds": 31}, meant(seconds="31")),
    ("transcription by part of a second", {"type": "duration", "seconds": 7.35}, meant(seconds="7.35")),
    # ---- Anthropic: cache reads and writes are on top of the input
    ("anthropic", {"input_tokens": 10, "output_tokens": 5}, meant(10, 5)),
    (
        "anthropic cached",
        {
            "input_tokens": 3,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 1636,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 4,
            "service_tier": "standard",
        },
        meant(1639, 4, 1636, 0, 0),
    ),
    (
        "anthropic cache writes by time",
        {
            "input_tokens": 2048,
            "cache_read_input_tokens": 1800,
            "cache_creation_input_tokens": 248,
            "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
            "output_tokens": 503,
        },
        meant(4096, 503, 1800, 248, 100),
    ),
    (
        "anthropic cache writes only by time",
        {
            "input_tokens": 1,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
            "output_tokens": 2,
        },
        meant(51, 2, None, 50, 30),
    ),
    (
        "anthropic with thinking",
        {
            "input_tokens": 707,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 89,
            "output_tokens_details": {"thinking_tokens": 31},
        },
        meant(707, 89, 0, 0, None, 31),
    ),
    (
        "anthropic with nulls",
        {
            "input_tokens": 32,
            "output_tokens": 16,
            "cache_creation": None,
            "cache_creation_input_tokens": None,
            "cache_read_input_tokens": None,
            "server_tool_use": None,
        },
        meant(32, 16),
    ),
    ("anthropic's last word", {"output_tokens": 15}, meant(None, 15)),
    (
        # Tokens of the compaction are not in the figures beside it, those of messages are.
        "anthropic with compaction",
        {
            "input_tokens": 23000,
            "output_tokens": 1000,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "iterations": [
                {
                    "type": "compaction",
                    "input_tokens": 180000,
                    "output_tokens": 3500,
                    "cache_read_input_tokens": 500,
                    "cache_creation_input_tokens": 0,
                },
                {"type": "message", "input_tokens": 23000, "output_tokens": 1000},
            ],
        },
        meant(203500, 4500, 500, 0),
    ),
    (
        "anthropic's numbers with a total of what is not cached",
        {
            "input_tokens": 5,
            "cache_read_input_tokens": 1000,
            "cache_creation_input_tokens": 0,
            "output_tokens": 7,
            "total_tokens": 12,
        },
        meant(1005, 7, 1000, 0),
    ),
    # ---- Gemini: cached content is part of the prompt, thoughts and tool results are on top
    (
        "gemini",
        {
            "promptTokenCount": 22,
            "candidatesTokenCount": 6,
            "totalTokenCount": 28,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 22}],
        },
        meant(22, 6),
    ),
    (
        "gemini cached and thinking",
        {
            "promptTokenCount": 12013,
            "candidatesTokenCount": 15,
            "totalTokenCount": 12101,
            "cachedContentTokenCount": 11243,
            "thoughtsTokenCount": 73,
        },
        meant(12013, 88, 11243, None, None, 73),
    ),
    (
        "gemini with tools that read back",
        {
            "promptTokenCount": 210,
            "candidatesTokenCount": 192,
            "totalTokenCount": 965,
            "toolUsePromptTokenCount": 371,
            "thoughtsTokenCount": 192,
        },
        meant(581, 384, None, None, None, 192),
    ),
    (
        "gemini with audio",
        {
            "promptTokenCount": 17713,
            "candidatesTokenCount": 68,
            "totalTokenCount": 17781,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 16},
                {"modality": "VIDEO", "tokenCount": 15780},
                {"modality": "AUDIO", "tokenCount": 1917},
            ],
        },
        meant(17713, 68, audio=(1917, None)),
    ),
    ("gemini that was blocked", {"promptTokenCount": 9, "totalTokenCount": 9}, meant(9, 0)),
    (
        "gemini before the answer",
        {"promptTokenCount": 22, "totalTokenCount": 36, "thoughtsTokenCount": 14},
        meant(22, 14, None, None, None, 14),
    ),
    (
        "gemini whose candidates include the thoughts",
        {"promptTokenCount": 10, "candidatesTokenCount": 30, "thoughtsTokenCount": 20, "totalTokenCount": 40},
        meant(10, 30, None, None, None, 20),
    ),
    (
        "gemini without a prompt",
        {"candidatesTokenCount": 23, "thoughtsTokenCount": 67},
        meant(None, 90, None, None, None, 67),
    ),
    ("gemini embeddings", {"promptTokenCount": 4}, meant(4, 0)),
    # ---- others that look like OpenAI
    (
        "deepseek",
        {
            "prompt_tokens": 390,
            "completion_tokens": 22,
            "total_tokens": 412,
            "prompt_tokens_details": {"cached_tokens": 256},
            "completion_tokens_details": {"reasoning_tokens": 17},
            "prompt_cache_hit_tokens": 256,
            "prompt_cache_miss_tokens": 134,
        },
        meant(390, 22, 256, None, None, 17),
    ),
    (
        "deepseek of old",
        {
            "prompt_tokens": 390,
            "completion_tokens": 22,
            "total_tokens": 412,
            "prompt_cache_hit_tokens": 256,
            "prompt_cache_miss_tokens": 134,
        },
        meant(390, 22, 256),
    ),
    (
        "moonshot",
        {
            "prompt_tokens": 20,
            "completion_tokens": 30,
            "total_tokens": 50,
            "cached_tokens": 10,
            "completion_tokens_details": {"reasoning_tokens": 22},
        },
        meant(20, 30, 10, None, None, 22),
    ),
    (
        "together",
        {"prompt_tokens": 41, "completion_tokens": 15, "total_tokens": 56, "cached_tokens": 0},
        meant(41, 15, 0),
    ),
    (
        "groq",
        {
            "queue_time": 0.0179,
            "prompt_tokens": 61,
            "prompt_time": 0.002,
            "completion_tokens": 27,
            "completion_time": 0.04,
            "total_tokens": 88,
            "total_time": 0.042,
        },
        meant(61, 27),
    ),
    (
        "openrouter",
        {
            "prompt_tokens": 2649,
            "completion_tokens": 100,
            "total_tokens": 2749,
            "cost": 0.00256995,
            "is_byok": False,
            "prompt_tokens_details": {"cached_tokens": 2569, "cache_write_tokens": 79, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "image_tokens": 0},
        },
        meant(2649, 100, 2569, 79, None, 0, audio=(0, None)),
    ),
    (
        "copilot",
        {"prompt_tokens": 159, "completion_tokens": 58, "total_tokens": 217, "reasoning_tokens": 12},
        meant(159, 58, None, None, None, 12),
    ),
    (
        # Beside `prompt_tokens`, Anthropic's names mean parts of it.
        "a bridge that adds Anthropic's names",
        {
            "prompt_tokens": 100,
            "completion_tokens": 4,
            "total_tokens": 104,
            "cache_read_input_tokens": 60,
            "cache_creation_input_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_creation_tokens": 20},
        },
        meant(100, 4, 60, 20),
    ),
    (
        "a server that fills in every name",
        {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13, "input_tokens": 0, "output_tokens": 0},
        meant(11, 2),
    ),
    (
        "a server that fills in every name, the other way round",
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 13, "input_tokens": 11, "output_tokens": 2},
        meant(11, 2),
    ),
    # ---- parts that are kept outside their whole
    (
        "xAI: reasoning in the total, not in the completion",
        {
            "prompt_tokens": 331,
            "completion_tokens": 11,
            "total_tokens": 674,
            "prompt_tokens_details": {"cached_tokens": 283},
            "completion_tokens_details": {"reasoning_tokens": 332},
        },
        meant(331, 343, 283, None, None, 332),
    ),
    (
        "xAI with more text than reasoning",
        {
            "prompt_tokens": 10,
            "completion_tokens": 500,
            "total_tokens": 540,
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
        meant(10, 530, None, None, None, 30),
    ),
    (
        "reasoning larger than the completion it should be part of",
        {
            "prompt_tokens": 40,
            "completion_tokens": 14,
            "total_tokens": 54,
            "completion_tokens_details": {"reasoning_tokens": 43},
        },
        meant(40, 57, None, None, None, 43),
    ),
    (
        "thinking that only the total shows",
        {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109},
        meant(35, 74, None, None, None, 62),
    ),
    (
        "cached tokens larger than the prompt",
        {"prompt_tokens": 4, "completion_tokens": 9, "total_tokens": 13, "cache_read_input_tokens": 1500},
        meant(1504, 9, 1500),
    ),
    (
        "cached tokens that the total has room for",
        {"prompt_tokens": 400, "completion_tokens": 9, "total_tokens": 709, "cache_read_input_tokens": 300},
        meant(700, 9, 300),
    ),
    (
        "a total smaller than its parts is not believed",
        {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 12},
        meant(35, 12),
    ),
    # ---- Cohere
    (
        "cohere bills units",
        {"billed_units": {"input_tokens": 20, "output_tokens": 5}, "tokens": {"input_tokens": 90, "output_tokens": 6}},
        meant(20, 5),
    ),
    ("cohere counts tokens", {"tokens": {"input_tokens": 90, "output_tokens": 6}}, meant(90, 6)),
    ("cohere rerank", {"billed_units": {"search_units": 1}}, None),
    # ---- nothing
    ("an empty object", {}, None),
    ("nothing that is known", {"trafficType": "ON_DEMAND"}, None),
    ("a duration that is none", {"type": "duration", "seconds": -1}, None),
]


@pytest.mark.parametrize(("figures", "expected"), [case[1:] for case in DIALECTS], ids=[case[0] for case in DIALECTS])
def test_dialects(figures: dict[str, Any], expected: Usage | None) -> None:
    """The numbers of each dialect, exactly."""
    found = usage(counts(figures))
    assert found == expected


@pytest.mark.parametrize("figures", [case[1] for case in DIALECTS], ids=[case[0] for case in DIALECTS])
def test_parts_fit_into_their_whole(figures: dict[str, Any]) -> None:
    """Whatever the dialect, no part is larger than what it is a part of: costs never turn negative."""
    found = usage(counts(figures))
    if found is not None and found.input_tokens is not None and found.output_tokens is not None:
        assert (found.cache_read_tokens or 0) + (found.cache_write_tokens or 0) <= found.input_tokens
        assert (found.cache_write_1h_tokens or 0) <= (found.cache_write_tokens or 0)
        assert (found.reasoning_tokens or 0) <= found.output_tokens


SOME = st.none() | st.sampled_from([0, 1, 5, 10, 15, 20, 2**53])


@given(SOME, SOME, SOME, SOME, SOME, SOME)
def test_parts_fit_whatever_is_said(
    prompt: int | None,
    output: int | None,
    total: int | None,
    read: int | None,
    write: int | None,
    reasoning: int | None,
) -> None:
    """Also of contradictory numbers no part comes out larger than its whole."""
    figures = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": total,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": write},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    test_parts_fit_into_their_whole(figures)


def test_total() -> None:
    """The total adds what is known and never counts a part twice."""
    assert Usage(10, 5, cache_read_tokens=8, reasoning_tokens=3).total == 15
    assert Usage(10).total == 10
    assert Usage().total == 0


def test_newer_figures_complete_older_ones() -> None:
    """Of two usage objects in a stream the newer wins; what it leaves out, or a prompt it sets to 0, stays."""
    older = {"input_tokens": 500, "cache_read_input_tokens": 20, "output_tokens": 1, "iterations": []}
    for newer, expected in [
        ({"output_tokens": 7}, meant(520, 7, 20)),
        ({"output_tokens": 0}, meant(520, 0, 20)),
        ({"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 7}, meant(520, 7, 20)),
        ({"input_tokens": 1250, "cache_read_input_tokens": 30, "output_tokens": 83}, meant(1280, 83, 30)),
    ]:
        assert usage(complete(counts(newer), counts(older))) == expected

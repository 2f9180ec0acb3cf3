"""What a request line may say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.observe.fields import (
    FIELDS,
    LONGEST,
    MOST_LISTED,
    MOST_NAMES,
    TRIED_FIELDS,
    Clock,
    Names,
    printable,
    request_fields,
)
from aigw.observe.record import Record
from aigw.observe.scrub import Scrubber
from aigw.wire.losses import Loss
from aigw.wire.usage import Seen, Usage

STAMP = "2026-11-23T02:13:00.123Z"


def said(record: Record) -> dict[str, Any]:
    """The fields of a record's line."""
    return request_fields(record, "info", STAMP, Names(Scrubber()))


def test_good_request(record: Record) -> None:
    """A request that went well says who asked for what, who answered, how long it took and what it used."""
    assert said(record) == {
        "time": STAMP,
        "level": "info",
        "event": "request",
        "request_id": "req_1",
        "account_id": "acct_1",
        "access_key_id": "aigk_1",
        "access_key_name": "app",
        "surface": "chat-completions",
        "requested_model": "cloud:big-1",
        "provider": "cloud",
        "model": "big-1",
        "stream": True,
        "status": 200,
        "outcome": "ok",
        "attempts": 1,
        "duration_ms": 1250.0,
        "first_byte_ms": 250.0,
        "gateway_ms": pytest.approx(3.0, abs=0.001),
        "bytes_in": 1000,
        "bytes_out": 20000,
        "input_tokens": 100,
        "output_tokens": 20,
        "cache_read_tokens": 60,
        "cache_write_tokens": 0,
        "reasoning_tokens": 5,
        "stop_reason": "stop",
        "response_id": "chatcmpl-1",
    }


def test_everything_that_can_be_said(record: Record) -> None:
    """A line has the fields of the list, in its order, and no others."""
    failed = record.attempt("other", "big-1", "sk-bbbbbbb***yyyy", 100.0)
    failed.reason, failed.status = "rate_limited", 429
    failed.connect_ms, failed.first_byte_ms, failed.ended = 3.25, 80.5, 100.125
    failed.key_id, failed.key_source = "aigpk_1", "user"
    failed.hedge = True
    record.error = "all_candidates_failed"
    record.losses = (Loss("/messages/0/audio", "dropped", "no place"),)
    record.seen = Seen(Usage(1, 1, 1, 1, None, 1), "stop", "big-1", "chatcmpl-1", "overloaded_error")
    fields = said(record)
    assert tuple(fields) == FIELDS
    assert tuple(fields["tried"][1]) == TRIED_FIELDS
    assert fields["tried"][1] == {
        "provider": "other",
        "model": "big-1",
        "key": "sk-bbbbbbb***yyyy",
        "status": 429,
        "reason": "rate_limited",
        "reused": False,
        "hedge": True,
        "connect_ms": 3.25,
        "first_byte_ms": 80.5,
        "duration_ms": 125.0,
    }


def test_what_does_not_apply_is_left_out() -> None:
    """A refusal has no attempts, tokens or first byte to tell of."""
    refused = Record("req_2", "messages", 100.0, 0.0)
    refused.error, refused.status, refused.outcome = "invalid_access_key", 401, "refused"
    refused.finish(100.0005)
    fields = said(refused)
    assert fields["attempts"] == 0
    assert fields["error"] == "invalid_access_key"
    assert not {"tried", "first_byte_ms", "input_tokens", "stop_reason", "losses"} & fields.keys()


def test_unknown_is_not_zero(record: Record) -> None:
    """Tokens that the provider did not report are left out."""
    record.seen = Seen(Usage(7))
    fields = said(record)
    assert fields["input_tokens"] == 7
    assert "output_tokens" not in fields


def test_running_request(record: Record) -> None:
    """A record that is not finished can be shown as well."""
    record.ended = record.first_byte = record.attempts[0].ended = None
    record.attempts[0].reason = "connect_failed"
    record.attempts[0].connect_ms = record.attempts[0].first_byte_ms = None
    fields = said(record)
    assert "duration_ms" not in fields
    assert "duration_ms" not in fields["tried"][0]


def test_lists_are_bounded(record: Record) -> None:
    """A request with very many attempts or losses does not make an endless line."""
    for _ in range(100):
        record.attempt("cloud", "big-1", "", 100.0)
    record.losses = (Loss("/x", "dropped", "no place"),) * 100
    fields = said(record)
    assert (len(fields["tried"]), len(fields["losses"])) == (MOST_LISTED, MOST_LISTED)
    assert fields["attempts"] == 101


HOSTILE = {
    "line end": ('x\n{"event":"request"}', '\\n{"event"'),
    "carriage return": ("x\ry", "x\\ry"),
    "terminal escape": ("\x1b[2Jx", "\\x1b[2Jx"),
    "C1 control": ("\x9b31mx", "\\x9b31mx"),
    "line separator": ("x\u2028y", "x\\u2028y"),
    "right to left": ("x\u202ey", "x\\u202ey"),
    "nul": ("x\0y", "x\\x00y"),
    "half a surrogate pair": ("x\udc9by", "x\\udc9by"),
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("field", ["request_id", "access_key_name", "requested_model", "model", "provider", "error"])
def test_control_characters_are_escaped(record: Record, field: str, text: str, shown: str) -> None:
    """No value that others chose can begin a line or steer a terminal, wherever it stands."""
    setattr(record, field, text)
    value = said(record)[field]
    assert shown in value
    assert value.isprintable()


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE.keys())
def test_upstreams_values_are_escaped(record: Record, text: str, shown: str) -> None:
    """Nor can a value that an upstream chose."""
    record.seen = Seen(None, text, text, text, text)
    record.losses = (Loss(text, "dropped", text),)
    record.attempts[0].reason = record.attempts[0].key_redacted = text
    fields = said(record)
    found = [
        fields["stop_reason"],
        fields["upstream_error"],
        fields["response_id"],
        *(text for loss in fields["losses"] for text in (loss["pointer"], loss["reason"])),
    ]
    for value in [*found, fields["tried"][0]["reason"], fields["tried"][0]["key"]]:
        assert shown in value
        assert value.isprintable()


def test_long_values_are_cut(record: Record) -> None:
    """A model name of a megabyte takes no megabyte of the log."""
    record.requested_model = "m" * 1_000_000
    shown = said(record)["requested_model"]
    assert len(shown) == LONGEST
    assert shown.endswith("…")


def test_printable_text_is_untouched() -> None:
    """Names in any script stay as they are."""
    assert printable("модель-größe 模型 🙂") == "модель-größe 模型 🙂"


def test_secrets_are_scrubbed(record: Record) -> None:
    """A key in the wrong place (a caller's model, an upstream's id) does not get into the line."""
    secret = "my-provider-key-0123456789"
    record.requested_model = record.access_key_name = f"x {secret}"
    record.error = record.attempts[0].reason = f"said {secret}"
    record.seen = Seen(None, secret, secret, f"id-{secret}", secret)
    record.losses = (Loss(f"/metadata/{secret}", "dropped", secret),)
    fields = request_fields(record, "info", STAMP, Names(Scrubber([secret])))
    assert secret not in json.dumps(fields)
    assert fields["response_id"] == "id-[redacted]"


def test_names_are_bounded() -> None:
    """Callers who invent models cannot fill the memory with their names."""
    names = Names(Scrubber())
    for number in range(3 * MOST_NAMES):
        assert names[f"m{number}"] == f"m{number}"
        assert len(names) <= MOST_NAMES
    assert names["x" * 5000].startswith("xxx")
    assert max(map(len, names)) <= LONGEST


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000.1239, "2023-11-14T22:13:20.123Z"),
        (1_709_164_799.9999, "2024-02-28T23:59:59.999Z"),
        (1_709_251_199.0, "2024-02-29T23:59:59.000Z"),
    ],
)
def test_stamp(now: float, text: str) -> None:
    """Times are RFC 3339 in UTC with milliseconds, cut, never rounded into the future."""
    assert Clock(lambda: now).stamp() == text


def test_stamps_follow_the_clock() -> None:
    """What is kept of one moment is not shown for another, also when the clock is set back."""
    now = iter([5.125, 5.125, 5.25, 6.25, 4.75])
    clock = Clock(lambda: next(now))
    assert [clock.stamp()[17:] for _ in range(5)] == ["05.125Z", "05.125Z", "05.250Z", "06.250Z", "04.750Z"]

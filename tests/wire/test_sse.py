"""Server-sent events: every slicing of a stream gives the events that the WHATWG grammar gives."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.sse import Event, EventTooLargeError, Splitter, first_event_end, read, write

CHAT = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'
NAMED = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

# raw stream, and of each event: kind, data, name, comment, id, retry
CASES: list[tuple[str, bytes, list[tuple[object, ...]]]] = [
    ("one data line", b"data: x\n\n", [("event", b"x", None, None, None, None)]),
    ("no space after the colon", b"data:x\n\n", [("event", b"x", None, None, None, None)]),
    ("only one space is taken off", b"data:  x\n\n", [("event", b" x", None, None, None, None)]),
    ("colons in the value", b"data: a:b\n\n", [("event", b"a:b", None, None, None, None)]),
    ("several data lines", b"data: a\ndata:\ndata: b\n\n", [("event", b"a\n\nb", None, None, None, None)]),
    ("a field without colon", b"data\n\n", [("event", b"", None, None, None, None)]),
    ("empty data", b"data:\n\n", [("event", b"", None, None, None, None)]),
    ("a name", NAMED, [("event", b'{"type":"message_stop"}', "message_stop", None, None, None)]),
    ("a name after the data", b"data: x\nevent: e\n\n", [("event", b"x", "e", None, None, None)]),
    ("a name without data", b"event: e\n\n", [("field", b"", "e", None, None, None)]),
    ("an id and a retry", b"id: 7\nretry: 1500\n\n", [("field", b"", None, None, "7", 1500)]),
    ("a retry that is no number", b"retry: 1e3\ndata: x\n\n", [("event", b"x", None, None, None, None)]),
    ("an id with NUL", b"id: a\0b\ndata: x\n\n", [("event", b"x", None, None, None, None)]),
    ("an unknown field", b"foo: x\ndata: y\n\n", [("event", b"y", None, None, None, None)]),
    ("only unknown fields", b"foo: x\n\ndata: y\n\n", [("event", b"y", None, None, None, None)]),
    ("a bare JSON object", b'{\n  "error": {}\n}\n\n', [("field", b"", None, None, None, None)]),
    ("a comment", b": PROCESSING\n\n", [("comment", b"", None, b" PROCESSING", None, None)]),
    ("an empty comment", b":\n\n", [("comment", b"", None, b"", None, None)]),
    ("comments in an event", b":a\ndata: x\n:b\n\n", [("event", b"x", None, b"a\nb", None, None)]),
    ("blank lines between", b"\n\n\ndata: x\n\n\n\n", [("event", b"x", None, None, None, None)]),
    ("a byte order mark", b"\xef\xbb\xbfdata: x\n\n", [("event", b"x", None, None, None, None)]),
    ("a byte order mark later", CHAT + b"\xef\xbb\xbfdata: x\n\n", [("event", CHAT[6:-2], None, None, None, None)]),
    ("CR LF", b"event: e\r\ndata: x\r\n\r\n", [("event", b"x", "e", None, None, None)]),
    ("CR", b"event: e\rdata: x\r\r", [("event", b"x", "e", None, None, None)]),
    ("CR LF, then LF", b"data: x\r\n\ndata: y\n\r\n", [("event", d, None, None, None, None) for d in (b"x", b"y")]),
    ("a CR inside CR LF lines", b"data: a\rb: c\r\n\r\n", [("event", b"a", None, None, None, None)]),
    ("an LF inside CR LF lines", b"data: a\ndata: b\r\n\r\n", [("event", b"a\nb", None, None, None, None)]),
    ("a name cut by a CR", b"event: a\rdata: b\n\n", [("event", b"b", "a", None, None, None)]),
    ("not UTF-8", b"event: \xff\ndata: \xff\n\n", [("event", b"\xff", "�", None, None, None)]),
]


def told(event: Event) -> tuple[object, ...]:
    """What an event says, without its raw bytes."""
    return event.kind, event.data, event.event, event.comment, event.id, event.retry


def split(stream: bytes, cuts: list[int]) -> list[tuple[object, ...]]:
    """What the events of a stream say that is cut at the offsets."""
    splitter = Splitter()
    edges = [0, *sorted(cuts), len(stream)]
    found = [event for a, b in pairwise(edges) for event in splitter.feed(stream[a:b])]
    return [told(event) for event in found]


@pytest.mark.parametrize(("stream", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_grammar(stream: bytes, expected: list[tuple[object, ...]]) -> None:
    """A stream gives the same events whole, byte by byte, and cut in two at any byte."""
    assert split(stream, []) == expected
    assert split(stream, list(range(len(stream)))) == expected
    for cut in range(len(stream)):
        assert split(stream, [cut]) == expected
    # Again in the middle of a stream, where other ways are taken than at its beginning.
    for cut in range(len(stream)):
        if not stream.startswith(b"\xef"):
            assert split(CHAT + stream, [len(CHAT), len(CHAT) + cut])[1:] == expected


def lines_of(stream: bytes) -> list[bytes]:
    """The lines that ended, byte by byte as the specification tells it."""
    lines: list[bytes] = []
    line = bytearray()
    after_cr = False
    for byte in stream.removeprefix(b"\xef\xbb\xbf"):
        if byte not in b"\r\n":
            line.append(byte)
        elif not (after_cr and byte == 10):
            lines.append(bytes(line))
            line.clear()
        after_cr = byte == 13
    return lines


def block_of(lines: list[bytes]) -> list[tuple[object, ...]]:
    """What the lines between two blank ones say: one event or none."""
    said: dict[bytes, list[bytes]] = {name: [] for name in (b"data", b"event", b"id", b"retry", b"")}
    for line in lines:
        name, _, value = line.partition(b":")
        refused = (name == b"id" and b"\0" in value) or (name == b"retry" and not value.strip(b" ").isdigit())
        if name in said and not refused:
            said[name].append(value[1:] if name and value[:1] == b" " else value)
    event, ident = (said[key][-1].decode("utf-8", "replace") if said[key] else None for key in (b"event", b"id"))
    retry = int(said[b"retry"][-1]) if said[b"retry"] else None
    comment = b"\n".join(said[b""]) if said[b""] else None
    if said[b"data"]:
        return [("event", b"\n".join(said[b"data"]), event, comment, ident, retry)]
    if (event, ident, retry) != (None, None, None):
        return [("field", b"", event, comment, ident, retry)]
    if comment is not None:
        return [("comment", b"", None, comment, None, None)]
    bare = b"\n".join(lines).lstrip().startswith(b"{")
    return [("field", b"", None, None, None, None)] if bare else []


def reference(stream: bytes) -> list[tuple[object, ...]]:
    """The events of a stream, found the simple way."""
    events: list[tuple[object, ...]] = []
    block: list[bytes] = []
    for line in lines_of(stream):
        if line:
            block.append(line)
        else:
            events += block_of(block)
            block = []
    return events


PIECES = [b"data: ", b"data", b"event: ", b"event: e\n", b":", b"id: ", b"retry: ", b"7", b" ", b"x", b"\n", b"\r"]
PIECES += [
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b"\r\r",
    b"\xef\xbb\xbf",
    b'{"a":1}',
    CHAT,
    NAMED,
    CHAT.replace(b"\n", b"\r\n"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=25), st.lists(st.integers(0, 300), max_size=8))
def test_any_stream_in_any_slicing(pieces: list[bytes], cuts: list[int]) -> None:
    """Whatever the lines and wherever the cuts, the events are those of the specification."""
    stream = b"".join(pieces)
    cuts = [cut for cut in cuts if cut <= len(stream)]
    expected = reference(stream)
    # A stream may end in CR: whether an LF belongs to it is only known later, so both are right.
    assert split(stream, cuts) == expected
    assert split(stream, list(range(len(stream)))) == expected


def test_raw_bytes_join_to_the_stream() -> None:
    """The raw bytes of events are those that came, so that events can be passed on untouched.

    Only an LF that comes apart from its CR is late: it goes out with the next event.
    """
    stream = CHAT + b": keep\n\n" + NAMED + b"id: 1\r\ndata: x\r\n\r\n" + CHAT
    for size in (1, 7, len(stream)):
        splitter = Splitter()
        events = [event for at in range(0, len(stream), size) for event in splitter.feed(stream[at : at + size])]
        assert b"".join(event.raw for event in events) == stream


def test_an_event_comes_out_with_its_last_byte() -> None:
    """Nothing is held back for what may follow: the second line end completes the event, also when it is a CR."""
    for end in (b"\n\n", b"\r\r", b"\n\r", b"\r\n\n", b"\r\n\r"):
        splitter = Splitter()
        assert splitter.feed(b"data: x" + end[:-1]) == []
        assert [event.data for event in splitter.feed(end[-1:])] == [b"x"]
        assert not splitter.pending


def test_what_is_left_at_the_end() -> None:
    """An unterminated event shows as pending and is handed out by finish; nothing but line ends is neither."""
    splitter = Splitter()
    assert [event.data for event in splitter.feed(CHAT + b"data: [DO")] == [CHAT[6:-2]]
    assert splitter.feed(b"NE]") == []
    assert splitter.pending
    assert [told(event) for event in splitter.finish()] == [("event", b"[DONE]", None, None, None, None)]
    splitter = Splitter()
    splitter.feed(CHAT + b"\n")
    assert not splitter.pending
    assert splitter.finish() == []
    assert Splitter().finish() == []


@pytest.mark.parametrize("size", [1, 10, 60, 10_000])
def test_an_endless_event_is_refused(size: int) -> None:
    """An event may have as many bytes as the bound says and not one more, however it is sliced."""
    for length, fits in ((100, True), (101, False)):
        stream = b"data: " + b"x" * (length - 8) + b"\n\n"
        splitter = Splitter(limit=100)
        slices = [stream[at : at + size] for at in range(0, len(stream), size)]
        if fits:
            assert sum(len(splitter.feed(part)) for part in slices) == 1
        else:
            with pytest.raises(EventTooLargeError, match="100 bytes"):
                [splitter.feed(part) for part in slices]


def test_an_event_without_end_is_refused_before_it_ends() -> None:
    """The bound holds while the event is still coming in."""
    splitter = Splitter(limit=100)
    splitter.feed(b"data: " + b"x" * 94)
    with pytest.raises(EventTooLargeError):
        splitter.feed(b"x")


def test_many_slices_are_kept_apart_until_the_event_ends() -> None:
    """A large event in tiny slices is joined once: parts are not copied again with every slice."""
    splitter = Splitter()
    part = bytes(1000)
    splitter.feed(b"data: ")
    for _ in range(1000):
        splitter.feed(part)
    assert len(splitter._parts) == 1001
    assert splitter._parts[-1] is part
    assert [len(event.data) for event in splitter.feed(b"\n\n")] == [1_000_000]


TEXT = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=10)
LINES = st.lists(st.sampled_from([b"", b"x", b" x", b":", b"data: x", b'{"a":1}']), min_size=1, max_size=4)


@given(LINES, st.none() | TEXT, st.none() | LINES, st.none() | TEXT, st.none() | st.integers(0, 10**9))
def test_read_undoes_write(
    data: list[bytes], name: str | None, comment: list[bytes] | None, ident: str | None, retry: int | None
) -> None:
    """What is written is read back as it was."""
    joined = None if comment is None else b"\n".join(comment)
    event = Event("event", b"\n".join(data), name, joined, ident, retry)
    again = read(write(event))
    assert again is not None
    assert told(again) == told(event)


def test_written_forms() -> None:
    """Events are written the way providers write them; comments and fields alone are possible."""
    assert write(Event("event", b'{"type":"message_stop"}', "message_stop")) == NAMED
    assert write(Event("event", b"[DONE]")) == b"data: [DONE]\n\n"
    assert write(Event("event", b"")) == b"data: \n\n"
    assert write(Event("comment", b"", comment=b" keep-alive")) == b": keep-alive\n\n"
    assert write(Event("field", b"", id="3", retry=1000)) == b"id: 3\nretry: 1000\n\n"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_nothing_can_be_smuggled_into_a_stream(end: str) -> None:
    """A line end in data becomes another data line; in a name or an id it is refused, as is a NUL."""
    told_data = read(write(Event("event", b"a" + end.encode() + b"event: evil")))
    assert told_data is not None
    assert (told_data.event, told_data.data) == (None, b"a\nevent: evil")
    for event in (Event("event", b"", f"a{end}b"), Event("event", b"", id=f"a{end}b"), Event("event", b"", id="\0")):
        with pytest.raises(ValueError, match="line end"):
            write(event)


@pytest.mark.parametrize(
    ("buffer", "end"),
    [
        (b"", -1),
        (b": comment\n\n", -1),
        (b": comment\n\nretry: 10\n\n", -1),
        (b"data: x\n", -1),
        (b"data: x\r\n\r", 10),
        (b"data: x\n\ndata: y\n\n", 9),
        (b"\n\n: c\n\ndata: x\n\nrest", 16),
        (b": c\r\n\r\nevent: e\r\ndata: x\r\n\r\nrest", 28),
        (b"\xef\xbb\xbfdata: x\n\n", 12),
    ],
)
def test_first_event_end(buffer: bytes, end: int) -> None:
    """The first event that has data is found behind keep-alives, and only when it is complete."""
    assert first_event_end(buffer) == end


def test_random_slices_of_a_long_stream() -> None:
    """A long mixed stream comes out whole from many random slicings."""
    chance = random.Random(7)
    stream = b"".join(chance.choice([CHAT, NAMED, b": c\n\n", CHAT.replace(b"\n", b"\r\n")]) for _ in range(300))
    expected = reference(stream)
    for _ in range(20):
        assert split(stream, [chance.randrange(len(stream)) for _ in range(100)]) == expected

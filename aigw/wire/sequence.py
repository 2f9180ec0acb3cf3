"""The parts of a streamed answer, one at a time: what writers may rely on, made of what readers can give.

OpenAI's chat streams let the parts of a candidate interleave and never say that one is complete; every other format
has one open part at a time. Here the open part streams on as it comes; the deltas of other parts wait, each part's in
their order, until it closes:

- at its `Close`, at `Stopped` and at `Finish`;
- a text, a thought, a refusal, or a part that came whole: as soon as another part has something to say. If more of it
  comes later, that is a new part of the same kind;
- a tool's call: as soon as another part has something to say and its arguments are a complete JSON value. What comes
  of it after that can be white space only (else the arguments were no JSON, and a closed call cannot take them);
- a call of a custom tool, whose input is any text: never before the first of these.

Parts are numbered anew per candidate: 0, 1, 2 … in the order in which they open. This is compiled code's source: no
attrs, no structs of its own.
"""

from __future__ import annotations

from collections import deque

import msgspec

from aigw.wire.balance import Balance
from aigw.wire.deltas import Cite, Close, Delta, Finish, Grow, Odds, Open, Sign, Stopped
from aigw.wire.neutral import Part, Refusal, ServerToolCall, Text, Thinking, ToolCall

_replace = msgspec.structs.replace


def _again(head: Part) -> Part | None:
    """The head of a new part that continues a closed one; None where there can be none."""
    if isinstance(head, Text):
        return Text(text="", at=head.at)
    if isinstance(head, Refusal):
        return Refusal(text="", at=head.at)
    if isinstance(head, Thinking):
        return _replace(head, text="", signature=None, cache=None, own=None)
    return None


class _Line:
    """The parts of one candidate."""

    def __init__(self, candidate: int) -> None:
        self._candidate = candidate
        self.open: int | None = None  # as the reader numbers it
        self.number = -1  # of the part that is open or was last, as the writer is told
        self.stopped = False
        self.balance: Balance | None = None  # of an open tool's call
        self._custom = False
        self._heads: dict[int, Part] = {}
        self._queues: dict[int, list[Delta]] = {}
        self._turns: deque[int] = deque()  # the keys of _queues in order

    @property
    def waits(self) -> bool:
        """Whether a part waits for the open one to close."""
        return bool(self._queues)

    def opened(self, delta: Open, out: list[Delta]) -> None:
        """A part begins."""
        self._heads[delta.part] = delta.head
        if self._gives_way(out):
            self._begin(delta, out)
        else:
            self._wait(delta.part, [delta])

    def grown(self, delta: Grow | Sign | Cite | Odds, out: list[Delta]) -> None:
        """More of a part: of the open one, of one that waits, or of one that was thought to be complete."""
        part = delta.part
        if part == self.open:
            self._tell(delta, out)
            if self._queues:
                self._release(out)
            return
        queue = self._queues.get(part)
        if queue is not None:
            queue.insert(len(queue) - (type(queue[-1]) is Close), delta)
            return
        if part not in self._heads:
            raise ValueError(f"part {part} of the answer goes on and never began")
        head = _again(self._heads[part])
        if head is None or (type(delta) is Grow and not delta.text):
            return
        opening = Open(part, head, delta.candidate)
        if self._gives_way(out):
            self._begin(opening, out)
            self._tell(delta, out)
        else:
            self._wait(part, [opening, delta])

    def closed(self, delta: Close, out: list[Delta]) -> None:
        """A part is complete."""
        if delta.part == self.open:
            self._end(out)
            self._release(out)
            return
        queue = self._queues.get(delta.part)
        if queue is not None and type(queue[-1]) is not Close:
            queue.append(delta)

    def flush(self, out: list[Delta]) -> None:
        """Nothing more will come: all parts, one after the other."""
        self._end(out)
        while self._turns:
            self._play(self._turns.popleft(), out)
            self._end(out)

    def _gives_way(self, out: list[Delta]) -> bool:
        """Whether another part can open now; closes the open one for it."""
        if self.open is None:
            return True
        if self._custom or (self.balance is not None and not self.balance.complete):
            return False
        self._end(out)
        return True

    def _release(self, out: list[Delta]) -> None:
        while self._turns and self._gives_way(out):
            self._play(self._turns.popleft(), out)

    def _wait(self, part: int, queue: list[Delta]) -> None:
        self._queues[part] = queue
        self._turns.append(part)

    def _play(self, part: int, out: list[Delta]) -> None:
        """What a part has waited to say."""
        for delta in self._queues.pop(part):
            if isinstance(delta, Open):
                self._begin(delta, out)
            elif isinstance(delta, Close):
                self._end(out)
            elif isinstance(delta, Grow | Sign | Cite | Odds):
                self._tell(delta, out)

    def _begin(self, delta: Open, out: list[Delta]) -> None:
        self.open = delta.part
        self.number += 1
        head = delta.head
        self._custom = isinstance(head, ToolCall) and head.custom
        self.balance = None
        if isinstance(head, ToolCall | ServerToolCall) and not self._custom:
            self.balance = Balance()
            self.balance.feed(head.arguments)
        out.append(delta if delta.part == self.number else Open(self.number, head, self._candidate))

    def _tell(self, delta: Grow | Sign | Cite | Odds, out: list[Delta]) -> None:
        if type(delta) is Grow:
            if self.balance is not None:
                self.balance.feed(delta.text)
            same = delta.part == self.number
            out.append(delta if same else Grow(self.number, delta.text, delta.candidate))
        else:
            out.append(delta if delta.part == self.number else _replace(delta, part=self.number))

    def _end(self, out: list[Delta]) -> None:
        if self.open is not None:
            self.open = None
            self.balance = None
            out.append(Close(self.number, self._candidate))


class Sequencer:
    """The parts of one stream's candidates, one at a time per candidate."""

    def __init__(self) -> None:
        self._lines: dict[int, _Line] = {}
        # The part that was told of last, unless others wait for it: most deltas are its, and want no look at its line.
        self._part: int | None = None
        self._number = 0
        self._candidate = 0
        self._balance: Balance | None = None

    def put(self, deltas: list[Delta]) -> list[Delta]:
        """What can be told by now; the very list where that is all of it as it is.

        Raises ValueError for more of a part that never began.
        """
        part = self._part
        for at, delta in enumerate(deltas):
            if type(delta) is not Grow or delta.part != part or delta.candidate != self._candidate:
                return self._put(deltas, at)
            if self._balance is not None:
                self._balance.feed(delta.text)
        return deltas if part == self._number else self._numbered(deltas)

    def _numbered(self, deltas: list[Delta]) -> list[Delta]:
        number, candidate = self._number, self._candidate
        return [Grow(number, delta.text, candidate) for delta in deltas if type(delta) is Grow]

    def _put(self, deltas: list[Delta], at: int) -> list[Delta]:
        """The same, from an index on, for anything that may come."""
        out = deltas[:at] if self._part == self._number else self._numbered(deltas[:at])
        line: _Line | None = None
        for index in range(at, len(deltas)):
            delta = deltas[index]
            if isinstance(delta, Open | Grow | Sign | Cite | Odds | Close):
                self._candidate = delta.candidate
                line = self._line(delta.candidate)
                if isinstance(delta, Open):
                    line.opened(delta, out)
                elif isinstance(delta, Close):
                    line.closed(delta, out)
                else:
                    line.grown(delta, out)
            elif isinstance(delta, Stopped):
                self._stop(delta, out)
            else:
                if isinstance(delta, Finish):
                    for each in self._lines.values():
                        each.flush(out)
                out.append(delta)
        self._remember(line)
        return out

    def _line(self, candidate: int) -> _Line:
        line = self._lines.get(candidate)
        if line is None:
            line = self._lines[candidate] = _Line(candidate)
        return line

    def _stop(self, delta: Stopped, out: list[Delta]) -> None:
        """A candidate stops once: some upstreams repeat the reason in several chunks."""
        line = self._line(delta.candidate)
        line.flush(out)
        if not line.stopped:
            line.stopped = True
            out.append(delta)

    def _remember(self, line: _Line | None) -> None:
        """Keep the last part at hand, or the last before that where these deltas were of none."""
        if line is None:
            known = self._lines.get(self._candidate)
            if known is None:
                return
            line = known
        self._part = None if line.waits else line.open
        self._number = line.number
        self._balance = line.balance

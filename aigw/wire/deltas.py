"""A streamed answer in no dialect: what stream readers give and stream writers take.

The grammar, per stream: `Begin`, then per candidate (`Open` (`Grow` | `Sign` | `Cite` | `Odds`)* `Close`)* `Stopped`,
then `Tally` at any place from `Begin` on (each replaces the one before), and at last `Finish`, or `Fail`, or neither
where the upstream was cut. Readers may interleave the parts of a candidate, as OpenAI's chat does with tool calls, and
may leave out `Close`; `sequence.py` puts them in order, so that writers see one open part at a time and every `Close`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.format import Trouble
from aigw.wire.neutral import Citation, Logprob, Part, Stop
from aigw.wire.shapes import Usage


class Delta(msgspec.Struct, gc=False):
    """One step of a stream."""


class Begin(Delta):
    """The answer begins; what is not known is None. `own` and `own_format` as in neutral.Answer."""

    id: str | None = None
    model: str | None = None
    created: int | None = None
    own: dict[str, Any] | None = None
    own_format: str = ""


class Open(Delta):
    """A part begins. `part` numbers the parts of a candidate, in any increasing order; `head` is the part as far as it
    is known: texts and arguments are what came with the opening, mostly empty. Parts that come whole (media, server
    tools' results, foreign ones) are opened complete and closed at once."""

    part: int
    head: Part
    candidate: int = 0


class Grow(Delta):
    """More of an open part's text: of Text, Refusal, Thinking, or the arguments of a (server) tool call."""

    part: int
    text: str
    candidate: int = 0


class Sign(Delta):
    """The signature of an open Thinking."""

    part: int
    signature: str
    candidate: int = 0


class Cite(Delta):
    """A citation of an open Text."""

    part: int
    citation: Citation
    candidate: int = 0


class Odds(Delta):
    """Log probabilities of tokens of an open Text or Refusal."""

    part: int
    logprobs: list[Logprob]
    candidate: int = 0


class Close(Delta):
    """A part is complete."""

    part: int
    candidate: int = 0


class Stopped(Delta):
    """A candidate is complete: the upstream said why it stopped. `own` as in neutral.Candidate."""

    stop: Stop
    candidate: int = 0
    own: dict[str, Any] | None = None


class Tally(Delta):
    """What was used so far, or in all."""

    usage: Usage


class Finish(Delta):
    """The upstream sent what its format ends a complete stream with. `own`: further members of the whole answer."""

    own: dict[str, Any] | None = None


class Fail(Delta):
    """The upstream reported an error within the stream."""

    trouble: Trouble

"""What is tried, and what came of it."""

from __future__ import annotations

import attrs


@attrs.frozen
class Plan:
    """Seconds of load and requests a second of each trial, and how many keys are very many."""

    seconds: float = 10.0
    rate: float = 500.0
    keys: int = 100_000


@attrs.define
class Findings:
    """Lines for a reader, and what does not hold."""

    lines: list[str] = attrs.field(factory=list)
    wrong: list[str] = attrs.field(factory=list)

    def tell(self, line: str) -> None:
        """A line for a reader."""
        self.lines.append(line)

    def expect(self, held: bool, otherwise: str) -> None:
        """This has to hold."""
        if not held:
            self.wrong.append(otherwise)

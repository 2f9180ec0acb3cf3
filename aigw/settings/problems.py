"""What is wrong with a configuration, collected so that one start reports all of it."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from aigw.errors import ConfigError


@attrs.define(eq=False, repr=False)
class Problems:
    """The problems found so far. `where` is a dotted key path or the name of a variable."""

    _lines: list[str] = attrs.field(factory=list)
    _places: set[str] = attrs.field(factory=set)

    def add(self, where: str, what: str, *, origin: str = "", value: str | None = None) -> None:
        """Note that the value at `where`, which came from `origin`, is wrong, and what is allowed."""
        place = f"{origin}: {where}" if origin and origin != where else where
        self._lines.append(f"{place}{f' = {value}' if value else ''}: {what}")
        self._places.add(where)

    def touches(self, where: str) -> bool:
        """Whether something at or below this path was found wrong: what follows from it needs no line."""
        return any(place == where or place.startswith((f"{where}.", f"{where}[")) for place in self._places)

    def raise_any(self) -> None:
        """Raise ConfigError with every problem, one a line, if there is one."""
        if not self._lines:
            return
        if len(self._lines) == 1:
            raise ConfigError(self._lines[0])
        count = len(self._lines)
        raise ConfigError("\n".join([f"{count} problems with the configuration:", *(f"  {x}" for x in self._lines)]))


def near(text: str, options: Collection[str]) -> str:
    """`; did you mean "x"?` for the options closest to what was written; empty when none is close."""
    # Imported where something is already wrong: a good start does not pay for it.
    import difflib

    folded = {option.casefold().replace("-", "_"): option for option in options}
    close = difflib.get_close_matches(text.casefold().replace("-", "_"), folded, n=2, cutoff=0.7)
    return f"; did you mean {' or '.join(repr(folded[name]) for name in close)}?" if close else ""

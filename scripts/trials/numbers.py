"""A scrape of /metrics as numbers that can be asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@attrs.frozen
class Sample:
    """One line of a scrape."""

    name: str
    labels: Mapping[str, str]
    value: float


@attrs.frozen
class Numbers:
    """One scrape."""

    samples: tuple[Sample, ...]

    def has(self, name: str) -> bool:
        """Whether there is any sample of this name."""
        return any(each.name == name for each in self.samples)

    def total(self, name: str, **labels: str) -> float:
        """The sum over every sample of this name with these labels; 0 when there is none."""
        return sum(each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items())


def read(text: str) -> Numbers:
    """Read Prometheus' text format as far as the gateway writes it."""
    found = _SAMPLE.findall(text)
    return Numbers(tuple(Sample(name, dict(_LABEL.findall(labels)), float(value)) for name, labels, value in found))

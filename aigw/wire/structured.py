"""Structured output where a provider has no member for it: a forced tool whose arguments are the answer.

A writer that forces the tool gives it the reserved name; readers of that format turn calls of it back into text (and
the stop `tools` into `end`), so that nobody else has to know.
"""

from __future__ import annotations

STRUCTURED_TOOL = "aigw_structured_output"
"""The reserved name: letters and underscores, which every provider takes in a tool's name."""

STRUCTURED_DESCRIPTION = "Give the final answer by calling this tool exactly once. Its arguments are the answer."

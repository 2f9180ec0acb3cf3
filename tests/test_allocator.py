"""The C library keeps memory for the next large body, where it is one that can be told so."""

from __future__ import annotations

import ctypes
import platform
import sys
from types import SimpleNamespace

import pytest

from aigw import allocator


class Library:
    """A C library that notes what it is told."""

    def __init__(self, answer: int) -> None:
        self.told: list[tuple[int, int]] = []
        self._answer = answer

    def mallopt(self, option: int, value: int) -> int:
        """mallopt(3): 1 on success, 0 on error."""
        self.told.append((option, value))
        return self._answer


@pytest.mark.parametrize("answer", [0, 1])
def test_both_thresholds(monkeypatch: pytest.MonkeyPatch, answer: int) -> None:
    """Large buffers come from the heap, and its top is kept; a refusal is told."""
    library = Library(answer)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    monkeypatch.setattr(sys, "platform", "linux")
    assert allocator.keep_memory() is bool(answer)
    assert library.told[0] == (-3, 8 << 20)
    assert library.told[1:] == ([(-1, 16 << 20)] if answer else [])


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    """musl has no such function, and other systems have other allocators."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace())
    monkeypatch.setattr(sys, "platform", system)
    assert not allocator.keep_memory()


def test_a_python_without_ctypes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is only for speed never stops a start."""
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert not allocator.keep_memory()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_the_real_one_takes_it() -> None:
    """glibc accepts both values."""
    assert allocator.keep_memory()

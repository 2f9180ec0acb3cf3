"""What does the kernel know about a process: the time it computed, the memory it holds, its children? (proc(5))"""

from __future__ import annotations

import os
import re
from pathlib import Path

from .figures import BenchError

_PROC = Path("/proc")
_MEMORY = re.compile(r"^(VmRSS|VmHWM):\s+(\d+) kB$", re.MULTILINE)
# To /proc/PID/clear_refs: forget the peak of resident memory.
_FORGET_PEAK = "5"
# Fields of /proc/PID/stat after the command's name, which may hold spaces: 14 and 15 of proc(5), counted from 3.
_UTIME, _STIME = 11, 12


def cpu_seconds(pid: int) -> float:
    """Time on a processor of all threads of a process, in user mode and in the kernel.

    In nanoseconds from the scheduler where it counts, else in ticks (10 ms). Raises BenchError if it is gone.
    """
    try:
        spent = [int(path.read_text().split()[0]) for path in _PROC.glob(f"{pid}/task/*/schedstat")]
        return sum(spent) / 1e9 if any(spent) else ticks(_stat(pid)) / os.sysconf("SC_CLK_TCK")
    except OSError:
        raise BenchError(f"process {pid} ended while it was measured") from None


def _stat(pid: int) -> str:
    return (_PROC / str(pid) / "stat").read_text()


def ticks(stat: str) -> int:
    """utime and stime of a line of /proc/PID/stat."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[_UTIME]) + int(fields[_STIME])


def resident_mib(pid: int) -> float:
    """Resident memory in MiB. Raises BenchError if the process is gone."""
    try:
        return resident(_PROC.joinpath(str(pid), "status").read_text())
    except OSError:
        raise BenchError(f"process {pid} ended while it was measured") from None


def forget_peak(pid: int) -> None:
    """From now on `peak_mib` is what comes. Raises BenchError where the kernel does not do that."""
    try:
        _PROC.joinpath(str(pid), "clear_refs").write_text(_FORGET_PEAK)
    except OSError as error:
        raise BenchError(f"the peak of memory cannot be reset: {error.strerror}") from None


def peak_mib(pid: int) -> float:
    """The most resident memory so far, in MiB. Raises BenchError if the process is gone."""
    try:
        return resident(_PROC.joinpath(str(pid), "status").read_text(), "VmHWM")
    except OSError:
        raise BenchError(f"process {pid} ended while it was measured") from None


def resident(status: str, which: str = "VmRSS") -> float:
    """A line of /proc/PID/status in MiB. Raises BenchError when it is not there, as in a process that has ended."""
    found = dict(_MEMORY.findall(status))
    if which not in found:
        raise BenchError("a process without memory was measured: it has ended")
    return int(found[which]) / 1024


def children(pid: int) -> list[int]:
    """Ids of a process's children."""
    try:
        return [int(child) for child in _PROC.joinpath(f"{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []

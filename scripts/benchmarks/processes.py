"""What does the kernel know about a process: the time it computed, the memory it holds, its children? (proc(5))"""

from __future__ import annotations

import os
import re
from pathlib import Path

from .figures import BenchError

_PROC = Path("/proc")
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)
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


def resident(status: str) -> float:
    """VmRSS of /proc/PID/status in MiB. Raises BenchError when it is not there, as in a process that has ended."""
    found = _RESIDENT.search(status)
    if not found:
        raise BenchError("a process without memory was measured: it has ended")
    return int(found[1]) / 1024


def children(pid: int) -> list[int]:
    """Ids of a process's children."""
    try:
        return [int(child) for child in _PROC.joinpath(f"{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []

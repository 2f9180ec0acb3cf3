"""How does the C library treat memory that a request gave back? It keeps it for the next one."""

from __future__ import annotations

import sys

# <malloc.h> of glibc
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
# Buffers of large bodies come from the heap instead of a mapping of their own, and the top of the heap goes back to
# the system beyond this much only. By default glibc trims at twice the largest buffer seen, so that a process that
# passes 1 MB bodies on gives nearly all of their memory back and faults it in again, page by page: 230 to 360 page
# faults for a request of 1 MB, and two thirds of its time in the kernel; with these values about 10.
MAPPED_FROM_BYTES = 8 << 20
KEPT_BYTES = 16 << 20


def keep_memory() -> bool:
    """Set the process's allocator up for large bodies; whether it is one that can be told (glibc's, mallopt(3))."""
    if sys.platform != "linux":
        return False
    try:
        import ctypes
    except ImportError:  # a Python that was built without libffi
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, MAPPED_FROM_BYTES) and mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))

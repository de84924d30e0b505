"""What becomes of memory that large arrays no longer need."""

import ctypes
import sys

# Of glibc's mallopt (malloc.h).
TRIM_THRESHOLD, MMAP_MAX = -1, -4
NEVER_TRIM = 2**31 - 1


def keep_freed() -> None:
    """From now on this process keeps what it frees for its next arrays; without glibc nothing changes.

    Given back to the system and asked for again, every 4 KiB cost a page fault: a tenth of a large run.
    """
    if sys.platform != "linux":
        return
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):
        allocator.mallopt(MMAP_MAX, 0)
        allocator.mallopt(TRIM_THRESHOLD, NEVER_TRIM)

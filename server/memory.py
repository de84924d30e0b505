"""Memory that only a start needs, given back when it is over."""

import ctypes
from pathlib import Path

MAPS = Path("/proc/self/maps")  # Linux; elsewhere there is none, and nothing to do
MADV_DONTNEED = 4  # of <sys/mman.h>


def forget_code_of_the_start() -> None:
    """Let go of all pages of machine code; those needed again come back from the system's cache of the file.

    Imports run through most of NumPy, OpenSSL and Python once: 13 MB that an idle server would hold for good.
    Code is never written to, so nothing is lost.
    """
    if not MAPS.exists():
        return
    advise = ctypes.CDLL(None).madvise
    for line in MAPS.read_text().splitlines():
        span, rights, _offset, _device, inode, *_path = line.split(maxsplit=5)
        if rights == "r-xp" and inode != "0":
            start, end = (int(address, 16) for address in span.split("-"))
            advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)

"""What a long-running worker asks of the interpreter and of the C library about memory."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # malloc.h
_LARGE_BYTES: Final = 1024 * 1024


def settle_memory() -> None:
    """Call once, when everything is loaded.

    What is there by now is no garbage: it is not looked through again and again. And what is
    large goes back to the system when it is freed: by itself glibc would raise the bound up to
    32 MiB, and keep tables that have been replaced by larger ones.
    """
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)

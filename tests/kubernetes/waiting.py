"""Waits for a condition, with a time limit that a busy machine keeps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def until(truth: Callable[[], bool], otherwise: str, seconds: float = 180.0) -> float:
    """Wait until it holds; how long that took, in seconds. Fails saying ``otherwise``."""
    began = time.monotonic()
    while not truth():
        assert time.monotonic() - began < seconds, f"{otherwise} (waited {seconds:g} s)"
        time.sleep(0.02)
    return time.monotonic() - began

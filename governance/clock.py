"""Time: the only caller of now(), and the notations of instants and durations.

Instants are int64 microseconds since 1970 UTC (``_us``) wherever they are counted or stored, and
aware UTC datetimes where people or libraries see them.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000

_UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": SECOND_US,
    "m": 60 * SECOND_US,
    "h": 3_600 * SECOND_US,
    "d": 86_400 * SECOND_US,
    "w": 604_800 * SECOND_US,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)")


class Clock(Protocol):
    """What a part of the program needs to know about time; tests pass their own."""

    def now_us(self) -> int:
        """Wall clock, microseconds since 1970 UTC."""

    def monotonic(self) -> float:
        """Seconds that never step back, for measuring waits."""


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is moved; for tests and for replay."""

    def __init__(self, now_us: int = 0) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._now_us / SECOND_US

    def advance(self, delta_us: int) -> None:
        self._now_us += delta_us


def parse_duration_us(text: str) -> int:
    """Read a Go/Prometheus duration (``30s``, ``1h30m``, ``200ms``, ``7d``) as microseconds.

    Raises
    ------
    ValueError
        If the text is not a sequence of number and unit.
    """
    text = text.strip()
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: write for example 30s, 10m, 1h30m or 7d")
    return round(sum(float(number) * _UNITS_US[unit] for number, unit in parts))


def format_duration(duration_us: int) -> str:
    """Write microseconds as a duration that ``parse_duration_us`` reads back."""
    if duration_us == 0:
        return "0s"
    text = ""
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, duration_us = divmod(duration_us, _UNITS_US[unit])
        if count:
            text += f"{count}{unit}"
    return text


def parse_instant_us(text: str) -> int:
    """Read RFC 3339 or Unix seconds as microseconds; a naive time is UTC.

    Raises
    ------
    ValueError
        If the text is neither.
    """
    try:
        return round(float(text) * SECOND_US)
    except (ValueError, OverflowError):  # text, nan, inf
        pass
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither an RFC 3339 time nor Unix seconds") from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - EPOCH) // timedelta(microseconds=1)


def format_instant(instant_us: int) -> str:
    """Write microseconds since 1970 as RFC 3339 in UTC, with no more digits than needed."""
    instant = EPOCH + timedelta(microseconds=instant_us)
    return instant.isoformat().replace("+00:00", "Z")

"""Limits in time: how often an address may fail to say who it is, how many rows a token may bring.

Both are buckets that fill at a steady rate. Nothing here grows without bound, whoever asks.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from governance.service.problems import ProblemError

if TYPE_CHECKING:
    from governance.clock import Clock

FAILURES = 20  # of one address at once, and ...
FAILURES_PER_SECOND = 0.2  # ... as many as come back
ADDRESSES = 10_000  # that are remembered, the latest
BURST_SECONDS = 10.0  # of its rate that a token may bring at once


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float

    def fill(self, now: float, rate: float, most: float) -> float:
        """What is left now."""
        self.left = min(most, self.left + (now - self.at) * rate)
        self.at = now
        return self.left


class FailedAttempts:
    """Addresses that sent too many unknown tokens are not listened to for a while.

    A token that was known before from the same address is still let in: behind a shared address,
    one client with an old token must not shut its neighbours out.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._proven: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, address: str, token_sha256: str) -> None:
        """Raise ProblemError (429) if the address has to wait before its token is looked at."""
        with self._lock:
            bucket = self._buckets.get(address)
            if bucket is None or (address, token_sha256) in self._proven:
                return
            left = bucket.fill(self._clock.monotonic(), FAILURES_PER_SECOND, FAILURES)
        if left < 1:
            raise _later("too many unknown tokens from this address", 1 - left, FAILURES_PER_SECOND)

    def failed(self, address: str) -> None:
        """An unknown token came from the address."""
        with self._lock:
            now = self._clock.monotonic()
            bucket = self._buckets.setdefault(address, _Bucket(FAILURES, now))
            bucket.fill(now, FAILURES_PER_SECOND, FAILURES)
            bucket.left -= 1
            _newest(self._buckets, address)

    def succeeded(self, address: str, token_sha256: str) -> None:
        """A known token came from the address."""
        with self._lock:
            self._proven[address, token_sha256] = None
            _newest(self._proven, (address, token_sha256))


class RowRates:
    """Rows by token: a request is taken while something is left, and may overdraw it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def check(self, token: str, rows_per_second: float | None) -> None:
        """Raise ProblemError (429) if the token has used up what it may bring."""
        if rows_per_second is None:
            return
        left = self.use(token, rows_per_second, 0)
        if left <= 0:
            words = f"token {token!r} brings more than {rows_per_second:g} rows a second"
            raise _later(words, 1 - left, rows_per_second)

    def use(self, token: str, rows_per_second: float | None, rows: int) -> float:
        """Note rows that came; returns what is left."""
        if rows_per_second is None:
            return math.inf
        most = max(1.0, BURST_SECONDS * rows_per_second)
        with self._lock:
            now = self._clock.monotonic()
            bucket = self._buckets.setdefault(token, _Bucket(most, now))
            bucket.fill(now, rows_per_second, most)
            bucket.left -= rows
            return bucket.left


def _later(words: str, missing: float, rate: float) -> ProblemError:
    seconds = max(1, math.ceil(missing / rate))
    return ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"{words}: try again in {seconds} s",
        headers={"retry-after": str(seconds)},
    )


def _newest(table: OrderedDict[Any, Any], key: object) -> None:
    table.move_to_end(key)
    while len(table) > ADDRESSES:
        table.popitem(last=False)

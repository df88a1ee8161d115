"""When a delivery is tried again, and for how long: a pure function of the delivery.

The wait doubles from the first to the longest, with a jitter that id and attempt decide, so that a
thousand deliveries to one receiver spread out, the same way at each run. What counts is the number
of attempts, not the age: a delivery that was replayed or approved late has its full time.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.clock import SECOND_US

if TYPE_CHECKING:
    from alerting.base import Attempt
    from governance.store.delivery import Delivery

_MOST_DOUBLINGS = 30
_MEAN_JITTER = 0.75  # waits are drawn from half to whole


@dataclass(frozen=True, slots=True)
class Pace:
    """How attempts are spaced, in seconds; ``at_once`` is how many run at a time."""

    first_wait_seconds: float = 5.0
    longest_wait_seconds: float = 3_600.0
    give_up_after_seconds: float = 3 * 24 * 3_600.0
    attempt_seconds: float = 10.0
    at_once: int = 8

    @property
    def lease_seconds(self) -> float:
        """Longer than an attempt and what is written down after it."""
        return 6 * self.attempt_seconds

    @property
    def attempts(self) -> int:
        """How many fit, on average, into the time after which it is given up."""
        left, count = self.give_up_after_seconds / _MEAN_JITTER, 1
        while left > 0 and self.wait_seconds(count) < self.longest_wait_seconds:
            left -= self.wait_seconds(count)
            count += 1
        return count + max(math.ceil(left / self.wait_seconds(count)), 0)

    def wait_seconds(self, attempts: int) -> float:
        """The longest wait after so many attempts."""
        doublings = min(max(attempts - 1, 0), _MOST_DOUBLINGS)
        return float(min(self.first_wait_seconds * 2**doublings, self.longest_wait_seconds))


def next_attempt_us(delivery: Delivery, attempt: Attempt, now_us: int, pace: Pace) -> int | None:
    """When to try again what has to be tried again, or None where it was tried often enough.

    A receiver that asks for a longer wait gets it.
    """
    if delivery.attempts >= pace.attempts:
        return None
    spread = 0.5 + 0.5 * _jitter(delivery)
    wanted = attempt.retry_after_seconds or 0.0
    wait_seconds = max(pace.wait_seconds(delivery.attempts) * spread, wanted)
    return now_us + round(wait_seconds * SECOND_US)


def _jitter(delivery: Delivery) -> float:
    """A number in [0, 1) that depends on the delivery and its attempt only."""
    digest = hashlib.sha256(f"{delivery.id}:{delivery.attempts}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32

"""Sending what lies in the outbox: at least once, in order per receiver and component.

When to try again is a pure function of the delivery: exponential back-off with a jitter that its
id decides, so that a thousand deliveries to one receiver spread out, the same way at each run.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from alerting.base import Attempt, Result
from governance.clock import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerting.base import Notifier
    from governance.clock import Clock
    from governance.metrics import Metrics
    from governance.store.deliveries import Deliveries, Delivery

FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 3_600.0
GIVE_UP_AFTER_US = 3 * 24 * 3_600 * SECOND_US  # a weekend, and then somebody has to look
_BATCH = 20
_LEASE_SECONDS = _BATCH * 15.0  # longer than a batch of attempts that all time out


class Courier:
    """Carries due deliveries to their notifiers and writes down what became of them."""

    def __init__(
        self,
        outbox: Deliveries,
        notifiers: Mapping[str, Notifier],
        *,
        holder: str,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._outbox = outbox
        self._notifiers = notifiers
        self._holder = holder
        self._clock = clock
        self._outcomes = metrics.counter(
            "evenhand_deliveries_total", "Delivery attempts", ("webhook", "outcome")
        )

    def send_due(self) -> int:
        """Try everything that is due once; returns the number of attempts."""
        due = self._outbox.due(
            self._clock.now_us(), _BATCH, holder=self._holder, lease_seconds=_LEASE_SECONDS
        )
        for delivery in due:
            self._send(delivery)
        return len(due)

    def _send(self, delivery: Delivery) -> None:
        notifier = self._notifiers.get(delivery.kind)
        if notifier is None:
            attempt = Attempt(Result.REFUSED, f"no notifier is called {delivery.kind!r}")
        else:
            attempt = notifier.deliver(delivery, self._clock.now_us())
        now_us = self._clock.now_us()
        again_us = next_attempt_us(delivery, attempt, now_us)
        if attempt.result is Result.DELIVERED:
            self._outbox.succeeded(delivery.id)
        elif again_us is None:
            self._outbox.dead(delivery.id, self._holder, attempt.reason)
        else:
            self._outbox.failed(delivery.id, self._holder, attempt.reason, again_us)
        outcome = "dead" if attempt.result is Result.RETRY and again_us is None else attempt.result
        self._outcomes.labels(delivery.target, str(outcome)).inc()


def next_attempt_us(delivery: Delivery, attempt: Attempt, now_us: int) -> int | None:
    """When to try again, or None where there is no use in it."""
    if attempt.result is not Result.RETRY:
        return None
    if now_us - delivery.created_us >= GIVE_UP_AFTER_US:
        return None
    doubled = FIRST_WAIT_SECONDS * 2.0 ** min(max(delivery.attempts - 1, 0), 20)
    wait_seconds = min(doubled, LONGEST_WAIT_SECONDS) * (0.5 + 0.5 * _jitter(delivery))
    if attempt.retry_after_seconds is not None:
        wait_seconds = max(wait_seconds, attempt.retry_after_seconds)
    return now_us + round(wait_seconds * SECOND_US)


def _jitter(delivery: Delivery) -> float:
    """A number in [0, 1) that depends on the delivery and its attempt only."""
    digest = hashlib.sha256(f"{delivery.id}:{delivery.attempts}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32

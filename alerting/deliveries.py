"""Sending what lies in the outbox: at least once, in order per receiver and component.

Several attempts run at a time, on threads. A receiver gets a share of them only, and one whose
last attempt timed out gets a single one, so that who hangs does not keep the others waiting.
"""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from alerting.base import Attempt, Result
from alerting.pace import Pace, next_attempt_us
from governance.errors import StoreError
from governance.metrics import Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from threading import Event as Stop

    from alerting.base import Notifier
    from governance.clock import Clock
    from governance.metrics import Metrics
    from governance.store.deliveries import Deliveries
    from governance.store.delivery import Delivery

IDLE_SECONDS = 0.5  # how long a new delivery may wait before it is looked at
_SHARE = 2  # one receiver has at most at_once / _SHARE attempts under way
_log = logging.getLogger("evenhand.alerting")


class Courier:
    """Carries due deliveries to their notifiers and writes down what became of them."""

    def __init__(  # noqa: PLR0913 - keyword-only beyond two
        self,
        outbox: Deliveries,
        notifiers: Mapping[str, Notifier],
        *,
        holder: str,
        clock: Clock,
        metrics: Metrics,
        pace: Pace = Pace(),  # noqa: B008 - frozen
    ) -> None:
        self._outbox = outbox
        self._notifiers = notifiers
        self._holder = holder
        self._clock = clock
        self._pace = pace
        self._hanging: set[str] = set()
        self._outcomes = metrics.counter(
            "evenhand_deliveries_total", "Delivery attempts", ("webhook", "outcome")
        )
        self._failures = metrics.counter(
            "evenhand_delivery_failures_total", "Attempts that failed", ("webhook", "reason")
        )
        metrics.publish(self._families)

    def send_due(self) -> int:
        """Try everything that is due once; returns the number of attempts."""
        with ThreadPoolExecutor(self._pace.at_once) as pool:
            under_way = self._begin(pool, {})
        for attempt in under_way:
            attempt.result()
        return len(under_way)

    def run(self, stop: Stop) -> None:
        """Send until ``stop`` is set; attempts under way are then finished."""
        under_way: dict[Future[None], str] = {}
        with ThreadPoolExecutor(self._pace.at_once, "deliver") as pool:
            while not stop.is_set():
                try:
                    begun = self._begin(pool, under_way)
                except StoreError as error:
                    _log.info("deliveries wait for the database: %s", error)
                    begun = {}
                under_way.update(begun)
                if under_way:
                    wait(under_way, IDLE_SECONDS, FIRST_COMPLETED)
                    under_way = _unfinished(under_way)
                else:
                    stop.wait(IDLE_SECONDS)

    def close(self) -> None:
        """Free the notifiers' connections."""
        for notifier in self._notifiers.values():
            notifier.close()

    def _begin(
        self, pool: ThreadPoolExecutor, under_way: Mapping[Future[None], str]
    ) -> dict[Future[None], str]:
        """Lease and start what there is room for."""
        busy, begun = Counter(under_way.values()), dict[Future[None], str]()
        if busy.total() >= self._pace.at_once:
            return begun
        for target in self._outbox.targets(self._clock.now_us()):
            free = self._pace.at_once - busy.total() - len(begun)
            for delivery in self._lease(target, min(free, self._share(target) - busy[target])):
                begun[pool.submit(self._send, delivery)] = target
        return begun

    def _share(self, target: str) -> int:
        return 1 if target in self._hanging else max(1, self._pace.at_once // _SHARE)

    def _lease(self, target: str, room: int) -> list[Delivery]:
        if room <= 0:
            return []
        return self._outbox.due(
            self._clock.now_us(),
            room,
            holder=self._holder,
            lease_seconds=self._pace.lease_seconds,
            target=target,
        )

    def _send(self, delivery: Delivery) -> None:
        attempt = self._try(delivery)
        if attempt.code == "timeout":
            self._hanging.add(delivery.target)
        else:
            self._hanging.discard(delivery.target)
        outcome = self._write_down(delivery, attempt)
        self._outcomes.labels(delivery.target, outcome).inc()
        if attempt.result is not Result.DELIVERED:
            self._failures.labels(delivery.target, attempt.code).inc()

    def _try(self, delivery: Delivery) -> Attempt:
        notifier = self._notifiers.get(delivery.kind)
        if notifier is None:
            return Attempt(Result.REFUSED, f"no_notifier: none is called {delivery.kind!r}")
        try:
            return notifier.deliver(delivery, self._clock.now_us())
        except Exception as error:  # noqa: BLE001 - one delivery must not end all
            _log.exception("a notifier must not raise: %s", delivery.id)
            return Attempt(Result.RETRY, f"fault: {type(error).__name__}")

    def _write_down(self, delivery: Delivery, attempt: Attempt) -> str:
        """What became of it; the outcome that is counted."""
        if attempt.result is Result.DELIVERED:
            self._outbox.succeeded(delivery.id, attempt.reason)
            return "delivered"
        if attempt.result is Result.RETRY:
            again_us = next_attempt_us(delivery, attempt, self._clock.now_us(), self._pace)
            if again_us is not None:
                self._outbox.failed(delivery.id, self._holder, attempt.reason, again_us)
                return "retry"
        self._outbox.dead(delivery.id, self._holder, attempt.reason)
        if attempt.result is Result.GONE:
            self._outbox.gone(delivery.target, attempt.reason)
        return "dead" if attempt.result is Result.RETRY else attempt.result.value

    def _families(self) -> Iterable[Family]:
        """What lies in the outbox, read at each scrape."""
        try:
            counts = self._outbox.counts()
            disabled = {one.target: 1.0 for one in self._outbox.disabled()}
        except StoreError as error:
            _log.warning("the outbox is left out of this scrape: %s", error)
            return []
        return [
            Family(
                "evenhand_outbox_deliveries",
                "Deliveries that are not delivered",
                ("webhook", "state"),
                tuple(counts.items()),
            ),
            Family(
                "evenhand_receiver_disabled",
                "1 for a receiver that answered 410",
                ("webhook",),
                tuple(((target,), one) for target, one in disabled.items()),
            ),
        ]


def _unfinished(under_way: Mapping[Future[None], str]) -> dict[Future[None], str]:
    """Those that go on; an attempt whose fate could not be written comes back with its lease."""
    for attempt in under_way:
        if attempt.done() and (error := attempt.exception()) is not None:
            _log.warning("a delivery will be tried again: %s", error)
    return {attempt: target for attempt, target in under_way.items() if not attempt.done()}

"""The loop of alerting: evaluate under the lease, deliver, keep Alertmanager told.

Every replica delivers (rows are leased one by one) and exports metrics; only the holder of the
lease evaluates and posts. Nothing here remembers what a crash could lose: findings that were not
evaluated, deliveries that were not sent and alerts that fire all lie in the database.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerting.alert_exposition import alert_families
from alerting.housekeeping import retention_of
from alerting.notifiers.alertmanager import RESOLVED_FOR_US
from alerting.release_exposition import release_family
from alerting.statistics import Statistics
from governance.alert import AlertState
from governance.audit import Cause, entry_of
from governance.component.schema import Component
from governance.errors import Fenced, StoreError
from governance.store.alerts import AlertFilter
from governance.store.outcomes import Evaluation, write_evaluation
from governance.store.retention import prune

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import Event as Stop

    from alerting.checkpoint_signer import CheckpointSigner
    from alerting.deliveries import Courier
    from alerting.evaluator import Evaluator, Ports
    from alerting.notifiers.alertmanager import AlertmanagerPoster
    from alerting.standing import Standing, Standings
    from alerting.watch import Watch
    from governance.alert import Alert
    from governance.clock import Clock
    from governance.metrics import Family, Metrics
    from governance.metrics_text import Rendered
    from governance.store.leases import Lease, Leases

LEASE_NAME = "evaluator"
LEASE_SECONDS = 15.0
PRUNE_EVERY_SECONDS = 24 * 3_600
WATCH_EVERY_SECONDS = 15.0
KEEP_UP_SECONDS = 5.0
IDLE_SECONDS = 0.5  # how long a new finding or delivery may wait before it is looked at
_log = logging.getLogger("evenhand.alerting")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop drives; ``poster`` is None where component alerts take another road."""

    ports: Ports
    evaluator: Evaluator
    standings: Standings
    watch: Watch
    courier: Courier
    leases: Leases
    poster: AlertmanagerPoster | None = None
    signer: CheckpointSigner | None = None


class AlertWorker:
    """One replica of alerting."""

    def __init__(self, parts: Parts, *, holder: str, clock: Clock, metrics: Metrics) -> None:
        self._parts = parts
        self._holder = holder
        self._clock = clock
        self._lease: Lease | None = None
        self._held_since = 0.0
        self._posted_at = float("-inf")
        self._pruned_at = clock.monotonic()  # not at start: a crash loop must not prune each time
        self._watched_at = clock.monotonic()  # nor blame others for what it has not seen itself
        self._kept_up_at = clock.monotonic()
        self._refused: set[tuple[str, int, AlertState]] = set()  # said already
        self._pruned = metrics.counter(
            "evenhand_pruned_rows_total", "Rows deleted because their time was over", ("table",)
        )
        self._evaluated = metrics.counter(
            "evenhand_findings_evaluated_total", "Findings that alerting has stepped over"
        )
        self._post_failures = metrics.counter(
            "evenhand_alertmanager_failures_total", "Posts to Alertmanager that failed"
        )
        self._post_refusals = metrics.counter(
            "evenhand_alertmanager_refused_total", "Alerts that Alertmanager will not take"
        )
        self._store_failures = metrics.counter(
            "evenhand_store_failures_total", "Rounds in which the database was away"
        )
        self._statistics = Statistics(parts.ports.findings)
        self._signed = metrics.counter(
            "evenhand_audit_checkpoints_total", "Signed checkpoints of audit chains"
        )
        metrics.publish(self._families)

    def run(self, stop: Stop) -> None:
        """Work until ``stop`` is set; a database that is away is waited for, and said once.

        Deliveries go on threads of their own: a receiver that hangs must not keep alerts waiting.
        """
        courier, stop_sending = self._parts.courier, threading.Event()
        with ThreadPoolExecutor(1, "courier") as pool:
            sending = pool.submit(courier.run, stop_sending)
            try:
                self._evaluate_until(stop, sending)
            finally:
                stop_sending.set()
        courier.close()

    def _evaluate_until(self, stop: Stop, sending: Future[None]) -> None:
        away = False
        while not stop.is_set():
            if sending.done():
                sending.result()  # it ends before its time by a fault only
            try:
                busy = self._round()
            except StoreError as error:
                if not away:
                    _log.warning("trying again until it works: %s", error)
                self._store_failures.inc()
                away, busy = True, False
            else:
                if away:
                    _log.warning("the database works again")
                away = False
            if not busy:
                stop.wait(IDLE_SECONDS)
        self._release()

    def work(self) -> bool:
        """One round, deliveries included; True if there may be more to do at once."""
        evaluated = self._round()
        return bool(self._parts.courier.send_due() or evaluated)

    def _round(self) -> int:
        """Evaluate, post and prune; the number of findings that were evaluated."""
        evaluated, changed = self._evaluate()
        self._post(changed + self._watch())
        self._keep_up()
        self._prune()
        return evaluated

    def _evaluate(self) -> tuple[int, list[Alert]]:
        try:
            lease = self._hold()
            if lease is None:
                return 0, []
            evaluated, changed = self._parts.evaluator.evaluate(lease)
        except Fenced as fenced:
            self._fenced(fenced)
            return 0, []
        self._evaluated.inc(evaluated)
        return evaluated, changed

    def _watch(self) -> list[Alert]:
        """Look by the wall clock, every fifteen seconds, once all findings are evaluated."""
        now = self._clock.monotonic()
        if self._lease is None or now - self._watched_at < WATCH_EVERY_SECONDS:
            return []
        self._watched_at = now
        try:
            return self._parts.watch.look(self._lease)
        except Fenced as fenced:
            self._fenced(fenced)
            return []

    def _fenced(self, fenced: Fenced) -> None:
        _log.info("another evaluator took over: %s", fenced)
        self._lease = None

    def _hold(self) -> Lease | None:
        now, lease = self._clock.monotonic(), self._lease
        if lease is None:
            self._lease = self._parts.leases.acquire(LEASE_NAME, self._holder, LEASE_SECONDS)
        elif now - self._held_since > LEASE_SECONDS / 2:
            self._lease = self._parts.leases.renew(lease, LEASE_SECONDS)
        else:
            return lease
        self._held_since = now  # before the call: by our own clock the lease ends no later
        return self._lease

    def _release(self) -> None:
        if self._lease is None:
            return
        try:
            self._parts.leases.release(self._lease)
        except StoreError:
            _log.info("the lease ends by itself: the database is away")

    def _post(self, changed: list[Alert]) -> None:
        """Each minute, and at once when an alert has changed."""
        poster = self._parts.poster
        now = self._clock.monotonic()
        if poster is None or self._lease is None:
            return
        if not changed and now - self._posted_at < poster.every_seconds:
            return
        posting = poster.post(self._current_alerts(), self._clock.now_us())
        for failure in posting.failures:
            _log.warning("Alertmanager did not take the alerts: %s", failure)
            self._post_failures.inc()
        for alert, why in posting.refused:
            self._refuse(alert, why)
        # After a failure the next round tries again: a restarted Alertmanager hears within one.
        self._posted_at = float("-inf") if posting.failures else now

    def _refuse(self, alert: Alert, why: str) -> None:
        """Said, counted and written down once a change: it would be refused again each minute."""
        change = alert.key.fingerprint, alert.incident, alert.state
        if change in self._refused or self._lease is None:
            return
        self._refused.add(change)
        self._post_refusals.inc()
        _log.error("Alertmanager refuses alert %s: %s", alert.key.fingerprint, why)
        facts = {"alert": alert.key.fingerprint, "incident": alert.incident}
        facts |= {"component": str(alert.key.component), "check": alert.key.check}
        namespace, now_us = alert.key.component.namespace, self._clock.now_us()
        entry = entry_of(namespace, now_us, "alert.refused", Cause(why), facts)
        ports = self._parts.ports
        try:
            write_evaluation(
                ports.engine, self._lease, Evaluation(audit=[entry], group=ports.group)
            )
        except Fenced as fenced:
            self._fenced(fenced)

    def _keep_up(self) -> None:
        """Read findings as they come, so that no scrape has to read many at once."""
        now = self._clock.monotonic()
        if now - self._kept_up_at >= KEEP_UP_SECONDS:
            self._kept_up_at = now
            standings = self._parts.standings.read(self._clock.now_us())
            self._statistics.read({key: _gates(s) for key, s in standings.items()})

    def _prune(self) -> None:
        """Once a day, by the holder of the lease."""
        now = self._clock.monotonic()
        if self._lease is None or now - self._pruned_at < PRUNE_EVERY_SECONDS:
            return
        self._pruned_at = now
        ports = self._parts.ports
        specs = [Component.model_validate_json(c.spec) for c in ports.components.find()]
        for table, rows in prune(ports.engine, self._clock.now_us(), retention_of(specs)).items():
            self._pruned.labels(table).inc(rows)

    def _sign(self) -> None:
        """Checkpoints of the audit chains, by the holder of the lease."""
        if self._lease is not None and self._parts.signer is not None:
            self._signed.inc(self._parts.signer.sign_due())

    def _current_alerts(self) -> list[Alert]:
        alerts = self._parts.ports.alerts
        firing = alerts.find(AlertFilter(states=(AlertState.FIRING,)))
        since_us = self._clock.now_us() - RESOLVED_FOR_US
        lately = AlertFilter(states=(AlertState.RESOLVED,), changed_since_us=since_us)
        return firing + alerts.find(lately)

    def _families(self) -> Iterable[Family | Rendered]:
        """Read at each scrape; a database that is away leaves the statistics out, not the rest.

        Series of a version that is retired vanish.
        """
        now_us = self._clock.now_us()
        try:
            standings = self._parts.standings.read(now_us)
            shown = self._statistics.read({key: _gates(s) for key, s in standings.items()})
            alerts = self._parts.ports.alerts.find()
        except StoreError as error:
            _log.warning("statistics are left out of this scrape: %s", error)
            return []
        gone = {
            (key, version)
            for key, standing in standings.items()
            for version in standing.judged_us
            if standing.retired(version, now_us)
        }
        there = {place: one for place, one in shown.items() if place not in gone}
        told = [a for a in alerts if (a.key.component, a.key.version) not in gone]
        return [
            *(part for one in there.values() for part in one.parts),
            *alert_families(told),
            release_family(standings, {place: one.gated for place, one in there.items()}, now_us),
        ]


def _gates(standing: Standing) -> frozenset[str]:
    release = standing.declared.component.spec.release
    return frozenset(metric.name for metric in release.rollout_metrics)

"""What the operator says of itself: injections, pods, policy drift, who leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.metrics import Family, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from governance.service.operator.status import PodCounts

_LABELS = ("namespace", "component")


class Telemetry:
    """Counters of the webhook, and the gauges of the last look at the cluster."""

    def __init__(self, metrics: Metrics) -> None:
        self._admitted = metrics.counter(
            "evenhand_injections_total", "pods that the webhook was asked about", ["outcome"]
        )
        self._seconds = metrics.counter(
            "evenhand_injection_seconds_total", "time that the webhook took for them"
        )
        self._leads = metrics.gauge("evenhand_operator_leader", "1 while this replica reconciles")
        self._drift: Mapping[tuple[str, str], float] = {}
        self._pods: Mapping[tuple[str, str], PodCounts] = {}
        metrics.publish(self._families)

    def admitted(self, outcome: str, seconds: float) -> None:
        """One answer of the webhook; ``outcome`` is ``injected`` or the refusal's code."""
        self._admitted.labels(outcome).inc()
        self._seconds.inc(seconds)

    def leads(self, *, now: bool) -> None:
        """Whether this replica reconciles."""
        self._leads.set(float(now))

    def looked(
        self,
        drift: Mapping[tuple[str, str], float],
        pods: Mapping[tuple[str, str], PodCounts],
    ) -> None:
        """The result of one look: drift beyond the grace period, and pods by state."""
        self._drift, self._pods = drift, pods

    def _families(self) -> Iterator[Family]:
        yield Family(
            "evenhand_policy_drift",
            "1 where what is in force differs from what is declared for longer than the grace",
            _LABELS,
            tuple(self._drift.items()),
        )
        samples = tuple(
            ((*key, state), float(count))
            for key, counts in self._pods.items()
            for state, count in counts.by_state()
        )
        meaning = "pods with the component's label, by what became of their sidecar"
        yield Family("evenhand_component_pods", meaning, (*_LABELS, "state"), samples)

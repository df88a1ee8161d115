"""What a detect worker says about itself: losses, delay, and what it could not count."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from detectors.version_panes import JUDGE_FAULTS
from governance.clock import SECOND_US

if TYPE_CHECKING:
    from governance.component.key import ComponentKey
    from governance.metrics import Metrics

_COMPONENT = ("namespace", "component")
_EVENTS = {"events": "counted", "late": "late", "duplicate_events": "duplicate"}
_REMARKS = {
    "future": "future",
    "ids_reused": "id_reused",
    "ids_sampled_out": "id_sampled_out",
}
_LOST = "lost."
_LABELS = "labels_"


class Meters:
    """The metrics of one worker, fed from the counts of components."""

    def __init__(self, metrics: Metrics) -> None:
        self._seen: dict[ComponentKey, Counter[str]] = {}
        counter = metrics.counter
        self._events = counter(
            "evenhand_detector_events_total",
            "Events by what became of them; each is in one of these",
            (*_COMPONENT, "outcome"),
        )
        self._remarks = counter(
            "evenhand_detector_remarks_total",
            "Counted events of which there is something to say",
            (*_COMPONENT, "remark"),
        )
        self._late = counter(
            "evenhand_late_events_total", "Events whose window was closed", _COMPONENT
        )
        self._gaps = counter(
            "evenhand_source_gap_batches_total", "Messages that never came", _COMPONENT
        )
        self._skew = counter(
            "evenhand_clock_skew_batches_total",
            "Messages whose times were shifted because the source's clock is off",
            _COMPONENT,
        )
        self._lost = counter(
            "evenhand_lost_events_total",
            "Events that were lost, by reason",
            (*_COMPONENT, "reason"),
        )
        self._labels = counter(
            "evenhand_labels_total", "Labels by what became of them", (*_COMPONENT, "outcome")
        )
        self._faults = counter(
            "evenhand_detector_faults_total", "Windows that a detector could not judge", _COMPONENT
        )
        self.dead_letters = counter(
            "evenhand_dead_letters_total", "Records that cannot be counted", ("stage", "reason")
        )
        self.unknown_columns = counter(
            "evenhand_unknown_columns_total", "Columns that this build does not know", _COMPONENT
        )
        self.findings = counter(
            "evenhand_findings_total", "Findings and revisions written", _COMPONENT
        )
        self.checkpoint_failures = counter(
            "evenhand_checkpoint_failures_total", "Checkpoints that will be tried again"
        )
        self.partitions = metrics.gauge("evenhand_partitions", "Partitions that this worker owns")
        self._newest: dict[ComponentKey, int] = {}
        self._last_event = metrics.gauge(
            "evenhand_last_event_timestamp_seconds",
            "Time of the newest event; a clock that is ahead is cut to the bus's",
            _COMPONENT,
        )
        self._delay = metrics.gauge(
            "evenhand_window_delay_seconds",
            "From the instant in which a window was due to its newest judgement",
            _COMPONENT,
        )

    def heard(self, key: ComponentKey, time_us: int) -> None:
        """Events came, the newest of them of this instant."""
        newest = self._newest[key] = max(time_us, self._newest.get(key, time_us))
        self._last_event.labels(key.namespace, key.name).set(newest / SECOND_US)

    def begin(self, key: ComponentKey, counts: Counter[str]) -> None:
        """Count from here: what was counted before is another process's."""
        self._seen[key] = counts

    def count(self, key: ComponentKey, counts: Counter[str]) -> None:
        """Bring a component's counters up to its counts."""
        seen = self._seen.get(key, Counter())
        for name, n in (counts - seen).items():
            self._add(key, name, n)
        self._seen[key] = counts

    def judged(self, key: ComponentKey, delay_us: int) -> None:
        """A window was judged so long after it was due."""
        self._delay.labels(key.namespace, key.name).set(max(0, delay_us) / 1e6)

    def leave(self, key: ComponentKey) -> None:
        """Another worker speaks for the component now: what stands still here would mislead."""
        self._newest.pop(key, None)
        for gauge in (self._last_event, self._delay):
            gauge.remove(key.namespace, key.name)

    def _add(self, key: ComponentKey, name: str, n: int) -> None:
        place = (key.namespace, key.name)
        if name in _EVENTS:
            self._events.labels(*place, _EVENTS[name]).inc(n)
        if name in _REMARKS:
            self._remarks.labels(*place, _REMARKS[name]).inc(n)
        if name == "late":
            self._late.labels(*place).inc(n)
        elif name == "gap_batches":
            self._gaps.labels(*place).inc(n)
        elif name == "clock_skew_batches":
            self._skew.labels(*place).inc(n)
        elif name == JUDGE_FAULTS:
            self._faults.labels(*place).inc(n)
        elif name.startswith(_LOST):
            self._lost.labels(*place, name.removeprefix(_LOST)).inc(n)
        elif name.startswith(_LABELS):
            self._labels.labels(*place, name.removeprefix(_LABELS)).inc(n)

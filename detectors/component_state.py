"""The state of one component: a pure function of its partition's log and its recorded specs.

No I/O and no clock: what comes in are the records of the log, one by one in their order, each
with its position; what comes out are findings. The same records give the same findings, byte for
byte, however they were fetched and wherever the state was written down and read back in between.

Order within one record: log time advances (and closes what it alone closes), then the source is
registered, then the events or labels are counted, then the record's watermark counts (and closes
what watermarks close). Every method returns the findings that its input caused, in order.

Conservation: events of batches = ``events`` + ``late`` + ``duplicate_events`` + ``lost.unusable``
in ``counts``, and what sources accepted = that + ``lost.*``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.closing import Closing
from detectors.era import Era, Spec
from detectors.id_table import keys_of
from detectors.intake import Intake
from detectors.label_order import NO_LABEL
from detectors.memory import Memory
from detectors.number_cells import number_labels
from detectors.pending import Pending
from detectors.reading import checked, label_numbers, label_outcomes
from detectors.sources import Sources
from detectors.state_rows import StateRows, changed_rows, read_memory
from detectors.stretch import Stretch
from governance.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detectors.era import Make
    from detectors.reference import Reference
    from detectors.sources import Arrival
    from detectors.version_panes import VersionPanes
    from governance.component.schema import Component
    from governance.event import EventBatch, LabelBatch
    from governance.finding import Finding
    from governance.wire.headers import Stamp

MOST_VERSIONS = 200  # of one component that are remembered at one time


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stands in the log: its offset and its append time."""

    offset: int
    append_time_us: int


class ComponentState:
    """All that is remembered about one component.

    Parameters
    ----------
    component
        The spec that acts from now on.
    reference
        What drift is measured against; None = there is none.
    make
        Makes the detectors of a spec; ``detectors.catalog.make_detectors`` in production.
    generation
        Number of the recorded spec, from 1.

    Raises
    ------
    ConfigError
        If detectors cannot be made of the spec.
    """

    def __init__(
        self,
        component: Component,
        reference: Reference | None,
        make: Make,
        *,
        generation: int = 1,
    ) -> None:
        spec = Spec(generation, component, reference, make)
        bounds = spec.monitoring
        counts: Counter[str] = Counter()
        self._bind(
            Memory(
                eras=[Era(spec, counts, started=generation)],
                sources=Sources(bounds.lateness, bounds.retire_after),
                pending=Pending(bounds.labels.max_pending, bounds.lateness),
                counts=counts,
            )
        )
        spec.detectors(component.spec.model.version)
        self._memory.pending.read_as(of_numbers=spec.of_numbers)

    @classmethod
    def restore(cls, rows: StateRows, specs: Mapping[int, Spec]) -> ComponentState:
        """The state that wrote ``rows``; ``specs`` are the recorded ones by generation."""
        state = cls.__new__(cls)
        state._bind(read_memory(rows, specs))  # noqa: SLF001 - another way to construct
        return state

    @property
    def spec(self) -> Spec:
        """The spec that acts now."""
        return self._memory.spec

    @property
    def log_time_us(self) -> int:
        """The greatest append time that this component has been told of."""
        return self._memory.log_time_us

    @property
    def due_us(self) -> int:
        """Log time before which ``advance`` does nothing but move log time."""
        return self._due_us

    @property
    def unsaved_bytes(self) -> int:
        """About how many bytes have changed since ``changed_rows``."""
        return self._unsaved_bytes + self._memory.pending.unsaved_bytes

    @property
    def counts(self) -> Counter[str]:
        """What was counted since the component's first record, by name.

        Events: ``events`` (in windows), ``late``, ``duplicate_events``, ``duplicate_batches``,
        ``future`` (took the log's time), ``clock_skew_batches``, ``gap_batches``,
        ``lost.REASON``, ``groups_pooled``, ``sums`` (in windows), ``sums_late``, ``sums_ignored``
        (of another projection than the reference's). Labels: ``labels``,
        ``labels_joined``, ``labels_repeated``, ``labels_corrected``, ``labels_orphaned``,
        ``labels_sampled_out``, ``labels_unusable``. Ids: ``ids_reused``, ``ids_sampled_out``.
        """
        return self._memory.counts + self._memory.pending.tally()

    def events(self, batch: EventBatch, at: Position, stamp: Stamp | None = None) -> list[Finding]:
        """Count a batch of events; a batch whose sequence was seen is skipped and counted.

        Raises
        ------
        PermanentError
            If the batch cannot be counted (dead-letter it): an id or time of another dtype, a
            group without a dictionary, or more versions than ``MOST_VERSIONS``. The state is as
            before.
        """
        spec = self.spec.component.spec
        batch = checked(batch, spec.model.version, spec.signals)
        self._admit(batch.version)
        memory = self._memory
        findings = self.advance(at.append_time_us)
        arrival = memory.sources.register(stamp, self.log_time_us, (batch.version, batch.n))
        return findings + self._arrived(batch, arrival, stamp)

    def events_together(
        self, batch: EventBatch, sizes: Sequence[int], said: Sequence[tuple[Position, Stamp]]
    ) -> list[Finding] | None:
        """Count messages that were read as one batch, as ``events`` does one by one.

        Parameters
        ----------
        batch
            Their events, all of one version (``governance.wire.together``).
        sizes
            How many of them each message has.
        said
            Where each message stood, and what its headers say.

        Returns
        -------
        list of Finding or None
            None where they must be taken one by one; nothing has been counted then.
        """
        spec = self.spec.component.spec
        try:
            batch = checked(batch, spec.model.version, spec.signals)
        except PermanentError:
            return None  # one by one the message shows that it is
        panes = self._memory.era.versions.get(batch.version)
        if panes is None or not panes.knows_groups(batch):
            return None
        self._unsaved_bytes += sum(column.values.nbytes for column in batch.columns.values())
        stretch = Stretch(self._memory, self._intake, batch, sizes)
        findings: list[Finding] = []
        for (at, stamp), size in zip(said, sizes, strict=True):
            if self._is_due(max(at.append_time_us, self.log_time_us)):
                self._end(stretch, panes)
            findings += self.advance(at.append_time_us)
            arrival = self._memory.sources.register(stamp, self.log_time_us, (batch.version, size))
            numbered = _numbers_events(stamp)
            if arrival.is_plain and stretch.takes(self.log_time_us, numbered=numbered):
                stretch.take(self.log_time_us)
                self._memory.sources.progress(stamp)
                if self._is_due(self.log_time_us):
                    self._end(stretch, panes)
                    findings += self._settle(self.log_time_us)
            else:
                self._end(stretch, panes)
                findings += self._arrived(stretch.skip(), arrival, stamp)
        self._end(stretch, panes)
        return findings

    def labels(self, batch: LabelBatch, at: Position, stamp: Stamp | None = None) -> list[Finding]:
        """Join labels with the events that wait for them.

        Raises
        ------
        PermanentError
            If there is no column of ids (dead-letter it). The state is as before.
        """
        ids = batch.columns.get("event_id")
        if ids is None or ids.values.dtype != np.dtype("V16"):
            raise PermanentError("event_id", "labels need a column event_id of 16 bytes each")
        memory = self._memory
        findings = self.advance(at.append_time_us)
        arrival = memory.sources.register(stamp, memory.log_time_us, None)
        memory.note_arrival(arrival, memory.log_time_us)
        if arrival.duplicate:
            memory.counts["duplicate_batches"] += 1
            memory.counts["labels_duplicate"] += batch.n
        else:
            self._join(batch, keys_of(ids.values))
        return findings + self._progress(stamp)

    def heartbeat(self, stamp: Stamp, at: Position) -> list[Finding]:
        """A source says that it lives and how far it is."""
        findings = self.advance(at.append_time_us)
        arrival = self._memory.sources.register(stamp, self.log_time_us, None)
        self._memory.note_arrival(arrival, self.log_time_us)
        return findings + self._progress(stamp)

    def bye(self, stamp: Stamp, at: Position) -> list[Finding]:
        """A source says that it has sent all it ever will."""
        findings = self.heartbeat(stamp, at)
        self._memory.sources.bye(stamp.source)
        return findings + self._settle(self.log_time_us)

    def advance(self, log_time_us: int) -> list[Finding]:
        """Log time has reached ``log_time_us`` (another record of the partition, a tick)."""
        self._memory.pending.expire(max(log_time_us, self.log_time_us))
        if log_time_us < self._due_us:
            self._memory.log_time_us = max(log_time_us, self.log_time_us)
            return []
        return self._settle(log_time_us)

    def respecify(
        self, component: Component, reference: Reference | None, generation: int
    ) -> list[Finding]:
        """Another spec acts from here on.

        A change of features, groups, windows, reference or signals closes open panes as
        ``partial`` and starts a new ladder; any other acts from the next judgement.
        """
        memory = self._memory
        spec = Spec(generation, component, reference, self.spec.make)
        spec.detectors(component.spec.model.version)
        findings = []
        if spec.restarts(self.spec):
            findings = self._closing.end_era(spec)
        else:
            memory.era.respecify(spec)
        bounds = spec.monitoring
        memory.sources.lateness_us = bounds.lateness
        memory.sources.anonymous_us = bounds.retire_after
        memory.pending.limit_to(bounds.labels.max_pending, bounds.lateness)
        memory.pending.read_as(of_numbers=spec.of_numbers)
        self._due_us = self._closing.not_before_us()
        return findings

    def finish(self) -> list[Finding]:
        """The log has ended, for ``replay`` and ``gate``.

        Every source says bye, open panes close (the newest as ``partial``), and log time moves
        past the label horizon, so that every window is judged on all labels that came.
        """
        return self._closing.finish()

    def changed_rows(self) -> StateRows:
        """What to store for ``restore``: of panes and segments what changed since last time."""
        self._unsaved_bytes = 0
        return changed_rows(self._memory)

    def _bind(self, memory: Memory) -> None:
        self._memory = memory
        self._closing = Closing(memory)
        self._intake = Intake(memory, self._closing)
        self._unsaved_bytes = 0
        self._due_us = self._closing.not_before_us()

    def _settle(self, log_time_us: int) -> list[Finding]:
        findings = self._closing.settle(log_time_us)
        self._due_us = self._closing.not_before_us()
        return findings

    def _arrived(self, batch: EventBatch, arrival: Arrival, stamp: Stamp | None) -> list[Finding]:
        """Count events whose source has been registered."""
        memory = self._memory
        memory.note_arrival(arrival, memory.log_time_us)
        findings: list[Finding] = []
        if arrival.duplicate:
            memory.counts["duplicate_batches"] += 1
            memory.counts["duplicate_events"] += batch.n
        else:
            findings = self._intake.count(batch, arrival, numbered=_numbers_events(stamp))
            self._intake.count_sums_alone(batch, arrival, stamp)
        self._unsaved_bytes += sum(column.values.nbytes for column in batch.columns.values())
        self._unsaved_bytes += sum(total.values.nbytes for total in batch.sums.values())
        return findings + self._progress(stamp)

    def _is_due(self, now_us: int) -> bool:
        """Whether anything happens by itself at that log time."""
        if self._memory.pending.expires(now_us):
            return True
        return now_us >= self._due_us and self._closing.is_due(now_us)

    def _end(self, stretch: Stretch, panes: VersionPanes) -> None:
        """Count what a stretch holds."""
        if stretch:
            stretch.count(panes)
            self._distribute()
            self._due_us = self._closing.not_before_us()

    def _distribute(self) -> None:
        for outcomes in self._memory.pending.met():
            self._memory.distribute(outcomes)

    def _progress(self, stamp: Stamp | None) -> list[Finding]:
        """Outcomes into their panes, then the record's watermark."""
        self._distribute()
        self._memory.sources.progress(stamp)
        self._due_us = self._closing.not_before_us()
        return self._settle(self.log_time_us) if self.log_time_us >= self._due_us else []

    def _join(self, batch: LabelBatch, keys: NDArray[np.uint64]) -> None:
        memory = self._memory
        if self.spec.of_numbers:
            labels = number_labels(label_numbers(batch))
        else:
            labels = label_outcomes(batch, self.spec.component.spec.signals).astype(np.int32)
        usable = np.flatnonzero((labels != NO_LABEL) & (keys != 0))
        memory.counts["labels"] += batch.n
        memory.counts["labels_unusable"] += batch.n - len(usable)
        column = batch.columns.get("supersedes")
        supersedes = np.zeros(batch.n, dtype=bool) if column is None else column.values == 1
        memory.pending.join(keys[usable], labels[usable], supersedes[usable], memory.log_time_us)

    def _admit(self, version: str) -> None:
        """Make room for another version, or refuse it."""
        versions = self._memory.era.versions
        if version in versions or len(versions) < MOST_VERSIONS:
            return
        retired_us = self.log_time_us - self.spec.monitoring.retire_after
        idle = [v for v in versions.values() if not v.open and not v.closed]
        idle = [v for v in idle if v.heard_us <= retired_us]
        if not idle:
            raise PermanentError(
                "versions",
                f"version {version!r} of {self.spec.component.key} is one more than the "
                f"{MOST_VERSIONS} that are remembered: a version is a release, not a request",
            )
        gone = min(idle, key=lambda v: v.heard_us).version
        del versions[gone]
        self._memory.drop_history(gone)


def _numbers_events(stamp: Stamp | None) -> bool:
    """Whether an event comes in one message only, whose number tells a copy.

    A door numbers its messages, but its clients may send an event again: it says when it sent, and
    no watermark. A file that is replayed is read once and says neither: rows with one id are
    different events there, as many as it has rows.
    """
    if stamp is None or not stamp.source or stamp.sequence < 0:
        return False
    return stamp.watermark_us is not None or stamp.sent_us is None

"""Rows that are coded once into the bins of a reference, so that windows are cheap to draw.

``Watch`` reads verdicts from counts by the functions that the drift detector reads them by; a test
compares both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.measure import Measure
from detectors.drift.subjects import Subject, feature_subjects, output_subjects
from detectors.ladder import climb, rule
from detectors.reference import build_reference
from detectors.trailing import LENGTHS
from governance.component.schema import Modality
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from detectors.drift.yardstick import Yardstick
    from detectors.ladder import Readings
    from detectors.stats.ragged import Ragged
    from governance.component.schema import Component
    from governance.event import EventBatch

    Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Watch:
    """A reference, and what is compared with it."""

    rows: int  # of the reference
    subjects: tuple[Subject, ...]
    measure: Measure

    @property
    def bins(self) -> Ragged:
        """All subjects' bins side by side."""
        return self.measure.bins

    @property
    def names(self) -> tuple[str, ...]:
        """What findings call the subjects."""
        return tuple(subject.name for subject in self.subjects)

    def measured_by(self, change: Callable[[Yardstick], Yardstick]) -> Watch:
        """The same rows, judged as if every subject had another yardstick: rho, threshold."""
        sticks = [change(subject.yardstick) for subject in self.subjects]
        return replace(self, measure=Measure(sticks))

    def readings(self, panes: Counts, rows: int) -> Readings:
        """The measured ladder of panes of ``rows`` rows, shape (T, bins), newest last."""
        lengths = [k for k in LENGTHS if k <= len(panes)]
        counts = np.array([panes[-k:].sum(axis=0) for k in lengths], dtype=np.float64)
        return self.measure.readings(counts, np.array(lengths, dtype=np.float64) * rows)

    def statuses(self, panes: Counts, rows: int, every: int) -> tuple[Status, ...]:
        """The status of every subject at the end of a ladder of panes."""
        measure = self.measure
        climbed = climb(self.readings(panes, rows), measure.thresholds, measure.lengths)
        return rule(climbed, [None] * len(self.subjects), every).statuses

    def breaches(self, panes: Counts, rows: int, every: int = 1_000) -> Iterator[bool]:
        """Whether any subject is in breach at each of consecutive panes, shape (T, bins)."""
        for newest in range(1, len(panes) + 1):
            ladder = panes[max(0, newest - LENGTHS[-1]) : newest]
            yield Status.BREACH in self.statuses(ladder, rows, every)


@dataclass(frozen=True, slots=True)
class Coded:
    """The bin of every row and subject, shape (rows, subjects), counted over all bins."""

    watched: Watch
    codes: NDArray[np.int32]

    def counts(self, rows: NDArray[np.intp] | slice) -> Counts:
        """How many of the rows fall into each bin, shape (bins,)."""
        size = len(self.watched.bins.owner)
        return np.bincount(self.codes[rows].ravel(), minlength=size)

    def draw(self, rng: np.random.Generator, rows: int) -> Counts:
        """Counts of ``rows`` rows, drawn with replacement, shape (bins,)."""
        return self.counts(rng.integers(len(self.codes), size=rows))

    def panes(self, rows: int) -> Counts:
        """Counts of consecutive panes of ``rows`` rows, shape (T, bins); a rest is left out."""
        numbers = range(len(self.codes) // rows)
        return np.array([self.counts(slice(i * rows, (i + 1) * rows)) for i in numbers])


def with_rho(stick: Yardstick, rho: float) -> Yardstick:
    """One rho for all lengths of a yardstick's ladder."""
    return replace(stick, ladder=tuple(replace(block, rho=rho) for block in stick.ladder))


def watch(reference: EventBatch, declared: Component) -> Watch:
    """Measure reference rows as the component's detector does."""
    built = build_reference(reference, declared, version=declared.spec.model.version)
    subjects = (
        *feature_subjects(declared, built, Modality.TABULAR.value, None),
        *output_subjects(declared, built, None),
    )
    return Watch(built.rows, subjects, Measure([subject.yardstick for subject in subjects]))


def coded(watched: Watch, rows: EventBatch) -> Coded:
    """Code every row; all subjects must be among the columns."""
    columns = [rows.columns[subject.column] for subject in watched.subjects]
    codes = [
        start + subject.bins.codes(column.values, column.dictionary)
        for start, subject, column in zip(
            watched.bins.starts, watched.subjects, columns, strict=True
        )
    ]
    return Coded(watched, np.stack(codes, axis=1).astype(np.int32))

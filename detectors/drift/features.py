"""Drift and data quality of counted subjects: the features of a modality, prediction and score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.drift.counting import Counting, Windows
from detectors.drift.data_quality import DataQuality
from detectors.drift.family import Members
from detectors.drift.measure import Measure
from detectors.drift.words import moves
from detectors.reasons import NOT_SEEN
from detectors.reference import split_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.base import WindowView
    from detectors.drift.coded import Coded
    from detectors.drift.family import Terms
    from detectors.drift.subjects import Subject
    from detectors.ladder import Readings
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.finding import Verdict


class Features:
    """Counts subjects into the bins of a reference, and measures trailing windows against it."""

    def __init__(self, reference: Reference, subjects: Sequence[Subject]) -> None:
        sticks = [subject.yardstick for subject in subjects]
        self.measure = Measure(sticks)
        self.compared = tuple(subjects)
        self.quality = DataQuality(subjects, self.measure)
        self.subjects = tuple((s.name, s.yardstick.test) for s in subjects)
        self.members = Members.alike(
            thresholds=self.measure.thresholds,
            lengths=self.measure.lengths,
            unfit=tuple(subject.unfit for subject in subjects),
            assumed=tuple(not stick.ladder for stick in sticks),
        )
        self._counting = Counting(reference, subjects)

    def add(self, coded: Coded) -> Sums:
        return self._counting.add(coded)

    def look(self, view: WindowView, lengths: Sequence[int]) -> FeatureLook:
        windows = self._counting.windows(view, lengths)
        readings = self.measure.readings(windows.counts, windows.n, windows.inside)
        return FeatureLook(self, windows, readings)


@dataclass(frozen=True, slots=True)
class FeatureLook:
    """Windows of all features, and what was measured in them."""

    features: Features
    windows: Windows
    readings: Readings

    @property
    def gaps(self) -> Sequence[str]:
        if self.windows.empty:
            return (self.windows.nothing,) * len(self.features.compared)
        gap = NOT_SEEN if self.windows.unseen else ""
        return tuple(gap if split_name(s.column)[0] else "" for s in self.features.compared)

    def moved(self, member: int, row: int) -> str:
        subject, measure = self.features.compared[member], self.features.measure
        after = measure.coarse(self.windows.counts[row])[measure.coarse_bins.slice(member)]
        stick = subject.yardstick
        return moves(subject.labels, stick.coarse, after, stick.test)

    def quality(self, terms: Terms) -> list[Verdict]:
        return self.features.quality.verdicts(self.readings, self.windows, terms)

"""Drift of how tabular features depend on each other, which no single feature shows.

One more subject, ``joint``, of the tabular family: the correlations of the features' scores in a
window against those of the reference (``detectors.stats.correlation``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.family import Members
from detectors.drift.subjects import Unbuilt
from detectors.drift.words import correlation_moves
from detectors.drift.yardstick import declared_threshold
from detectors.joint_reference import FEWEST_FEATURES
from detectors.ladder import FEWEST_REFERENCE_ROWS, Readings, trailing_sums, usable_windows
from detectors.reasons import NO_EVENTS, NOT_SEEN
from detectors.reference import JOINT, cut_otherwise, is_excluded
from detectors.stats.correlation import changes, log_evidence, row_effect
from detectors.stats.effect import Effect
from detectors.stats.mmd import GramNulls
from detectors.stats.overdispersion import LENGTHS, effective_size, make_deflation
from governance.algebra.products import product_sums, size_of, symmetric
from governance.algebra.sums import SQUARED_WEIGHT_SCALE, squared_weighted_counts
from governance.component.schema import Modality
from governance.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.base import Pane, WindowView
    from detectors.drift.coded import Coded
    from detectors.drift.family import Terms
    from detectors.drift.subjects import Subject
    from detectors.joint_reference import JointReference
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.finding import Verdict

    Floats = NDArray[np.float64]
    Scores = NDArray[np.float32]

TEST = "correlation"
THRESHOLD = 0.3  # as if one correlation had moved by so much; quiet years of people move by 0.12

_COLUMN = f"{Modality.TABULAR.value}.{JOINT}"


class Joint:
    """Adds up products of the scores of all features, and measures them against a reference's."""

    subjects = ((JOINT, TEST),)

    def __init__(
        self,
        component: Component,
        reference: Reference,
        known: JointReference,
        subjects: Sequence[Subject],
    ) -> None:
        by_column = {subject.column: subject for subject in subjects}
        self._subjects = tuple(by_column[c] for c in known.features if c in by_column)
        self._steps = tuple(
            _Steps.of(by_column[column], steps.astype(np.float32))
            for column, steps in zip(known.features, known.steps, strict=True)
            if column in by_column
        )
        self._known, self._past = known, known.moments
        self._nulls = GramNulls.of(known.nulls)
        digest = hashlib.sha256("\x1f".join([reference.id, *known.features]).encode()).hexdigest()
        self.array = f"joint.{digest[:16]}"
        self._rows = np.array([float(reference.rows)])
        self._deflation = make_deflation([known.ladder], self._rows)
        self.members = Members.alike(
            thresholds=np.array([_threshold(component)]),
            lengths=np.array([float(len(known.ladder) or len(LENGTHS))]),
            unfit=(self._unfit(component, reference),),
            assumed=(not known.ladder,),
        )

    def add(self, coded: Coded) -> Sums:
        """The sums of one batch; a column that the batch does not have is missing throughout."""
        if self.members.unfit[0]:
            return {}
        batch, weight = coded.batch, coded.weight
        scores = np.zeros((len(self._subjects) + 1, batch.n), dtype=np.float32)
        scores[0] = 1.0
        for place, (subject, steps) in enumerate(zip(self._subjects, self._steps, strict=True)):
            if subject.column in batch.columns:
                _score(subject, coded, steps, out=scores[place + 1])
        squared = squared_weighted_counts(np.zeros(batch.n, dtype=np.intp), 1, weight)
        return {self.array: np.concatenate([product_sums(scores, weight), squared])}

    def look(self, view: WindowView, lengths: Sequence[int]) -> JointLook:
        d = len(self._known.features)
        sums = trailing_sums(view, self.array, lengths, size_of(d) + 1)
        matrices, squared = symmetric(sums[:, :-1], d), sums[:, -1] / SQUARED_WEIGHT_SCALE
        n = matrices[:, 0, 0] ** 2 / np.where(squared > 0, squared, 1.0)
        gap = self._gap(view.panes[-1])
        change = changes(matrices, self._past)
        return JointLook(self, change, self._readings(change, n), (gap,))

    def moved(self, change: Floats) -> str:
        """Which correlations changed most, in words."""
        return correlation_moves([s.name for s in self._subjects], self._past.correlation, change)

    def _gap(self, pane: Pane) -> str:
        if self.members.unfit[0] and pane.events:
            return ""  # nothing is added up where nothing can be judged
        sums = pane.sums.get(self.array)
        if sums is None or sums[0] <= 0:
            return NO_EVENTS
        return "" if sums[1:-1].any() else NOT_SEEN

    def _readings(self, change: Floats, n: Floats) -> Readings:
        size = np.where(n > 0, n, 1.0)
        rho = self._deflation.of(size)
        m = effective_size(rho, size[:, None], np.array([float(self._known.rows)]))
        usable = usable_windows(
            n, self._rows, self.members.lengths, np.array([not self.members.assumed[0]])
        )
        if self.members.unfit[0]:
            nothing = np.zeros_like(m)
            return Readings(n, rho, m, nothing, Effect(*(nothing,) * 4), usable)
        log_e = log_evidence(change, m[:, 0], self._nulls)[:, None]
        effect = row_effect(change, m[:, 0], self._nulls)
        columns = (effect.raw, effect.value, effect.lower, effect.upper)
        return Readings(n, rho, m, log_e, Effect(*(c[:, None] for c in columns)), usable)

    def _unfit(self, component: Component, reference: Reference) -> str:
        known = self._known
        if known.ladder and (cut := cut_otherwise(component, reference)):
            return cut
        if len(self._subjects) < len(known.features):
            kept = {subject.column for subject in self._subjects}
            names = ", ".join(name for name in known.features if name not in kept)
            return (
                f"the dependence of features was measured with {names}, which the component "
                "leaves out: build it again with `evenhand baseline`"
            )
        if reference.rows < FEWEST_REFERENCE_ROWS:
            return f"it has {reference.rows} rows, at least {FEWEST_REFERENCE_ROWS} are needed"
        return "fewer than two of its features vary" if known.constant else ""


@dataclass(frozen=True, slots=True)
class JointLook:
    """What was measured of the features together; one column."""

    joint: Joint
    change: Floats  # of the correlations, shape (K, d, d)
    readings: Readings
    gaps: tuple[str, ...]

    def moved(self, member: int, row: int) -> str:  # noqa: ARG002 - there is one member
        return self.joint.moved(self.change[row])

    def quality(self, terms: Terms) -> list[Verdict]:  # noqa: ARG002 - of missing values tell bins
        return []


@dataclass(frozen=True, slots=True)
class _Steps:
    """The score of one feature in whole steps, by bin and, where it has any, by piece."""

    of_bins: Scores
    of_pieces: Scores

    @classmethod
    def of(cls, subject: Subject, steps: Scores) -> _Steps:
        pieces = subject.yardstick.pieces
        if pieces is None:
            return cls(steps, steps)
        rows = np.diff(pieces.starts, append=len(pieces.mean))
        return cls(steps, np.repeat(steps, [*rows, *[1] * subject.bins.tail]))


def _score(subject: Subject, coded: Coded, steps: _Steps, *, out: Scores) -> None:
    """The score of each value of a subject's column: that of the bin in which it lies."""
    dictionary, pieces = coded.batch.columns[subject.column].dictionary, subject.yardstick.pieces
    if dictionary is None and pieces is not None:
        np.take(steps.of_pieces, coded.placed(subject, pieces)[0], out=out, mode="clip")
        return
    if dictionary is None:
        np.take(steps.of_bins, coded.bins(subject), out=out, mode="clip")
        return
    values = coded.values(subject.column)
    if len(values) and int(values.max()) >= len(dictionary):
        raise ShapeError(
            f"column {subject.column!r} holds code {values.max()}, but its dictionary has "
            f"{len(dictionary)} texts"
        )
    entries = subject.bins.codes(np.arange(len(dictionary)), dictionary)
    table = np.append(np.float32(0.0), steps.of_bins[entries])  # the first is missing
    np.take(table, np.add(values, 1, dtype=np.intp), out=out, mode="clip")


def joint_part(
    component: Component, reference: Reference, subjects: Sequence[Subject]
) -> tuple[Joint, ...]:
    """The part that judges how the features depend on each other, where there is something."""
    if reference.joint is None or len(subjects) < FEWEST_FEATURES or _left_out(component):
        return ()
    return (Joint(component, reference, reference.joint, subjects),)


def unmeasured_joint(
    component: Component, reference: Reference, subjects: Sequence[Subject]
) -> tuple[Unbuilt, ...]:
    """The subject of a reference that was measured before there was one."""
    if reference.joint is not None or len(subjects) < FEWEST_FEATURES or _left_out(component):
        return ()
    reason = (
        "reference: it does not say how its features depend on each other: measure it again with "
        "`evenhand baseline`"
    )
    return (Unbuilt(JOINT, _threshold(component), reason),)


def _left_out(component: Component) -> bool:
    return is_excluded(_COLUMN, component)


def _threshold(component: Component) -> float:
    return declared_threshold((_COLUMN, JOINT), component.spec.monitoring.drift, THRESHOLD)

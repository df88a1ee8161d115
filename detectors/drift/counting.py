"""Counts features into the bins of a reference, and adds panes up to windows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.layout import Layout
from detectors.ladder import trailing_sums
from detectors.reasons import NO_EVENTS
from detectors.reference import split_name
from governance.algebra.bins import total_weight
from governance.algebra.pieces import PLACE_SCALE
from governance.algebra.sums import (
    SQUARED_WEIGHT_SCALE,
    WEIGHT_SCALE,
    squared_weighted_counts,
)
from governance.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.base import WindowView
    from detectors.drift.coded import Coded
    from detectors.drift.layout import Inside
    from detectors.drift.subjects import Subject
    from detectors.reference import Reference
    from governance.algebra.sums import Sums


@dataclass(frozen=True, slots=True)
class Windows:
    """K trailing windows, shortest first; a ladder that still fills has fewer.

    ``counts`` are scaled so that each subject's add up to ``n``, the effective number of events
    before overdispersion: (sum of weights)^2 / (sum of squared weights). ``inside`` tells where
    in the bins the rows lie.
    """

    counts: NDArray[np.float64]  # (K, bins)
    n: NDArray[np.float64]  # (K,)
    empty: bool  # the newest pane holds no event
    unseen: bool  # its events carry no value of any feature
    inside: Inside
    nothing: str = NO_EVENTS  # why the newest pane is empty, where it is


class Counting:
    """What is remembered of a batch; immutable.

    All counts are one array, each subject's bins one after another (scale ``WEIGHT_SCALE``); where
    a subject has pieces, these in place of its fine bins. The sums of places within pieces, and
    behind them that of squared weights, are another (``PLACE_SCALE``). The arrays' names hold a
    hash of the reference and the subjects, so that a pane of another layout is never misread.
    """

    def __init__(self, reference: Reference, subjects: Sequence[Subject]) -> None:
        self._subjects = tuple(subjects)
        self._layout = Layout([subject.yardstick for subject in subjects])
        layout = "\x1f".join([reference.id, *map(_cells, subjects)])
        self.array = f"drift.{hashlib.sha256(layout.encode()).hexdigest()[:16]}"
        self.places = f"{self.array}.places"

    def add(self, coded: Coded) -> Sums:
        """The arrays of one batch; a column that the batch does not have is missing throughout.

        Raises
        ------
        ShapeError
            If a column holds a code that its dictionary has no text for.
        """
        batch, weight = coded.batch, coded.weight
        total = total_weight(batch.n, weight)
        counts = np.zeros(len(self._layout.cells.owner), dtype=np.int64)
        places = np.zeros(self._layout.pieces, dtype=np.int64)
        for place, subject in enumerate(self._subjects):
            here = counts[self._layout.cells.slice(place)]
            if subject.column not in batch.columns:
                here[-subject.bins.tail] = total  # the first bin of the tail is missing
            else:
                here[:], within = self._count(subject, coded)
                places[self._layout.within[place]] = within
        squared = squared_weighted_counts(np.zeros(batch.n, dtype=np.intp), 1, weight)
        return {self.array: counts, self.places: np.append(places, squared)}

    def windows(self, view: WindowView, lengths: Sequence[int]) -> Windows:
        """The windows of the last ``lengths`` of a view's panes."""
        sums = trailing_sums(view, self.array, lengths, len(self._layout.cells.owner))
        places = trailing_sums(view, self.places, lengths, self._layout.pieces + 1)
        newest = view.panes[-1].sums
        # Every subject counts all events: the first one's cells add up to the sum of weights.
        total = sums[:, self._layout.cells.slice(0)].sum(axis=-1) / WEIGHT_SCALE
        squared = places[:, -1] / SQUARED_WEIGHT_SCALE
        n = total**2 / np.where(squared > 0, squared, 1.0)
        scale = n / np.where(total > 0, total, 1.0) / WEIGHT_SCALE
        counts = sums * scale[:, None]
        return Windows(
            counts=self._layout.folded(counts),
            n=n,
            empty=self.places not in newest or newest[self.places][-1] <= 0,
            unseen=self._unseen(newest.get(self.array)),
            inside=self._layout.inside(
                counts, places[:, :-1] * (scale * WEIGHT_SCALE / PLACE_SCALE)[:, None]
            ),
        )

    def _unseen(self, newest: NDArray[np.int64] | None) -> bool:
        if newest is None:
            return False
        cells, seen = self._layout.cells, newest.copy()
        for place, subject in enumerate(self._subjects):
            end = cells.slice(place).stop
            is_output = split_name(subject.column)[0] == ""
            seen[cells.slice(place) if is_output else end - subject.bins.tail] = 0
        return not seen.any()

    def _count(self, subject: Subject, coded: Coded) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Counts of the subject's cells, and sums of places in its pieces; it may have none."""
        pieces, dictionary = (
            subject.yardstick.pieces,
            coded.batch.columns[subject.column].dictionary,
        )
        try:
            if pieces is not None and dictionary is None:
                return pieces.sums(*coded.placed(subject, pieces), coded.weight)
            values = coded.values(subject.column)
            if pieces is not None:
                return pieces.count(values, dictionary, coded.weight)
            counts = subject.bins.count(values, dictionary, coded.weight)
            return counts, np.empty(0, dtype=np.int64)
        except ValueError as error:
            raise ShapeError(f"column {subject.column!r}: {error}") from None


def _cells(subject: Subject) -> str:
    """A subject, and what its cells are: its test decides whether it needs pieces."""
    return f"{subject.column}{'' if subject.yardstick.pieces is None else ' in pieces'}"

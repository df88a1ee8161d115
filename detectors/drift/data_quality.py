"""Data quality: the shares of missing and of non-finite values against those of the reference.

STATISTICS 1.2, 1.4: the ladder and e-BH of drift on two bins, in and not in, as a family of its
own. The effect is the gap between the two shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.family import RAISED, WORST_LAST, Members, judge_family
from detectors.drift.kolmogorov_smirnov import gap_effect
from detectors.drift.words import change
from detectors.ladder import Readings
from detectors.stats.evidence import log_mixture, make_null
from detectors.stats.overdispersion import effective_size
from detectors.stats.ragged import Ragged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.drift.counting import Windows
    from detectors.drift.family import Family, Terms
    from detectors.drift.measure import Measure
    from detectors.drift.subjects import Subject
    from governance.finding import Verdict

CHECK = "data_quality"
THRESHOLD = 0.05  # of the share
TAIL = (("missing_share", "missing values"), ("non_finite_share", "non-finite values"))


@dataclass(frozen=True, slots=True)
class Share:
    """One tail bin of a subject: the share of missing, or of non-finite values."""

    subject: int
    test: str
    words: str
    before: float  # in the reference


class DataQuality:
    """Judges the tail bins of all subjects; immutable."""

    def __init__(self, subjects: Sequence[Subject], measure: Measure) -> None:
        self._names = tuple(subject.name for subject in subjects)
        self._measure = measure
        sticks = [subject.yardstick for subject in subjects]
        self._shares = tuple(
            Share(place, test, words, float(inside) / max(1, stick.rows))
            for place, stick in enumerate(sticks)
            for (test, words), inside in zip(TAIL, stick.tail, strict=False)
        )
        self._owner = np.array([share.subject for share in self._shares])
        self._places = np.concatenate(
            [
                start + len(stick.fine) + np.arange(len(stick.tail))
                for start, stick in zip(measure.bins.starts, sticks, strict=True)
            ]
        )
        self._before = np.array([share.before for share in self._shares])
        self._rows = np.maximum(measure.rows, 1)[self._owner]
        inside = np.concatenate([stick.tail for stick in sticks])
        counts = np.stack([measure.rows[self._owner] - inside, inside], axis=-1).ravel()
        self._null = make_null(counts, Ragged((2,) * len(inside)), (0,) * len(inside))
        self._members = Members.alike(
            thresholds=np.full(len(inside), THRESHOLD),
            lengths=measure.lengths[self._owner],
            unfit=tuple(subjects[owner].unfit for owner in self._owner),
            assumed=tuple(not sticks[owner].ladder for owner in self._owner),
        )

    def verdicts(self, drift: Readings, windows: Windows, terms: Terms) -> list[Verdict]:
        """One verdict per subject, on the worse of its shares; ``drift`` gives sizes and rho."""
        share = self.window_shares(windows)
        gaps = [windows.nothing if windows.empty else ""] * len(self._shares)
        family = judge_family(self.readings(share, drift), self._members, terms, gaps)
        worst: dict[int, int] = {}
        for member, owner in enumerate(self._owner.tolist()):
            if owner not in worst or _badness(family, member) > _badness(family, worst[owner]):
                worst[owner] = member
        return [self._verdict(family, member, share) for member in worst.values()]

    def window_shares(self, windows: Windows) -> NDArray[np.float64]:
        """The share of each tail bin in each window, shape (K, H); 0 where there is no event."""
        inside = windows.counts[:, self._places]
        return inside / np.where(windows.n > 0, windows.n, 1.0)[:, None]

    def readings(self, share: NDArray[np.float64], drift: Readings) -> Readings:
        """Measure the windows whose shares are given, shape (K, H)."""
        size = np.where(drift.n > 0, drift.n, 1.0)[:, None]
        rho = drift.rho[:, self._owner]
        m = effective_size(rho, size, self._rows)
        y = np.stack([m * (1 - share), m * share], axis=-1)
        p = self._null.p[1::2]
        effect = gap_effect(np.abs(share - self._before), share * (1 - share), p * (1 - p), m)
        usable = self._measure.usable(drift.n)[:, self._owner]
        return Readings(
            drift.n,
            rho,
            m,
            log_mixture(y.reshape(len(m), 2 * m.shape[1]), m, self._null),
            effect,
            usable,
        )

    def _verdict(self, family: Family, member: int, share: NDArray[np.float64]) -> Verdict:
        tail, row = self._shares[member], family.shown(member)
        moved = ""
        if row is not None and family.status(member) in RAISED:
            moved = f"{tail.words} {change(tail.before, share[row, member])}"
        name = self._names[tail.subject]
        return family.verdict(member, check=CHECK, subject=name, test=tail.test, moved=moved)


def _badness(family: Family, member: int) -> tuple[int, float]:
    value = 0.0 if family.shown(member) is None else family.figures[member]["value"]
    return WORST_LAST.index(family.status(member)), value

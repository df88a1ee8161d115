"""What the drift statistics need to know of one feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from detectors.stats.overdispersion import LENGTHS
from governance.algebra.bins import NumericBins
from governance.component.drift_tests import EVIDENTLY_METHODS, PREFIX, OwnTest, evidently_method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.feature_reference import FeatureReference
    from detectors.stats.overdispersion import Block
    from governance.algebra.pieces import Pieces
    from governance.component.schema import DriftSettings, FeatureDrift

NEEDS_NUMBERS = frozenset({"wasserstein", "ks"})


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The reference of one feature as counts, with the statistic and threshold to judge it by.

    ``fine`` counts the E + 1 bins that are folded (for categories: kept, rare, unseen), ``tail``
    those that never are (missing; non-finite). An empty ladder: not in time order. Without
    ``pieces`` distances are read from the fine bins alone.
    """

    fine: NDArray[np.int64]
    fold: NDArray[np.intp]  # coarse bin of each fine bin
    tail: NDArray[np.int64]
    ordered: bool  # the bins have an order (numbers)
    width_over_sd: NDArray[np.float64]  # (E,); empty for categories
    null_constant: float
    ladder: tuple[Block, ...]
    test: OwnTest
    threshold: float
    pieces: Pieces | None = None
    exact_constant: float = 0.0  # as null_constant, of distances over pieces

    @property
    def coarse(self) -> NDArray[np.int64]:
        """Coarse counts of the reference: folded, then the tail."""
        folded = np.zeros(int(self.fold[-1]) + 1, dtype=np.int64)
        np.add.at(folded, self.fold, self.fine)
        return np.concatenate([folded, self.tail])

    @property
    def rows(self) -> int:
        """Rows of the reference, n0."""
        return int(self.fine.sum() + self.tail.sum())

    @property
    def lengths(self) -> int:
        """How many window lengths can be used: the divisor of the evidence."""
        return len(self.ladder) or len(LENGTHS)


def yardstick(
    feature: FeatureReference, names: Sequence[str], settings: DriftSettings
) -> Yardstick:
    """The yardstick of a subject under the component's thresholds and tests.

    ``names`` are those by which settings may call it; the first that they know counts.
    """
    bins = feature.bins
    numeric = isinstance(bins, NumericBins)
    test = declared_test(names, settings, numeric=numeric)
    threshold = declared_threshold(names, settings, settings.threshold)
    if evidently_test(names, settings, numeric=numeric):
        threshold = settings.threshold  # the subject's own is in the unit of Evidently's score
    if test in NEEDS_NUMBERS and not (isinstance(bins, NumericBins) and bins.sd > 0):
        test = "jensenshannon"  # a constant or categories: nothing to measure a distance with
    return Yardstick(
        fine=feature.counts[: -bins.tail],
        fold=feature.fold,
        tail=feature.counts[-bins.tail :],
        ordered=numeric,
        width_over_sd=bins.width_over_sd() if isinstance(bins, NumericBins) else np.empty(0),
        null_constant=feature.null_constant,
        ladder=feature.ladder,
        test=test,
        threshold=threshold,
        pieces=feature.pieces if test in NEEDS_NUMBERS else None,
        exact_constant=feature.exact_constant,
    )


def declared_test(names: Sequence[str], settings: DriftSettings, *, numeric: bool) -> OwnTest:
    """The statistic of ours that the component wants for a subject.

    Where it wants one of Evidently's, this is what takes its place in live traffic.
    """
    own = _own(names, settings)
    general = settings.numeric if numeric else settings.categorical
    usual = "wasserstein" if numeric else "jensenshannon"
    wanted = (None if own is None else own.test, general, usual)
    ours = (test for test in wanted if test is not None and evidently_method(test) is None)
    return cast("OwnTest", next(ours))


def evidently_test(names: Sequence[str], settings: DriftSettings, *, numeric: bool) -> str:
    """The test ``evidently:METHOD`` that the component wants for a subject; empty for ours."""
    own = _own(names, settings)
    general = settings.numeric if numeric else settings.categorical
    test = general if own is None or own.test is None else own.test
    return "" if evidently_method(test) is None else test


def evidently_threshold(names: Sequence[str], settings: DriftSettings, test: str) -> float:
    """From where a subject fails ``test``, one of Evidently's.

    Its own threshold, else for distances that of all subjects, for p-values Evidently's default.
    """
    method = EVIDENTLY_METHODS[test.removeprefix(PREFIX)]
    default = method.threshold if method.p_value else settings.threshold
    return declared_threshold(names, settings, default)


def declared_threshold(names: Sequence[str], settings: DriftSettings, default: float) -> float:
    """The effect from which a subject's change is big."""
    own = _own(names, settings)
    return default if own is None or own.threshold is None else own.threshold


def _own(names: Sequence[str], settings: DriftSettings) -> FeatureDrift | None:
    known = (settings.features[name] for name in names if name in settings.features)
    return next(known, None)

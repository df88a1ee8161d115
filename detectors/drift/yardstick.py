"""What the drift statistics need to know of one feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from detectors.stats.overdispersion import LENGTHS
from governance.algebra.bins import NumericBins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.feature_reference import FeatureReference
    from detectors.stats.overdispersion import Block
    from governance.component.schema import DriftSettings, FeatureDrift

Test = Literal["psi", "jensenshannon", "wasserstein", "ks"]
NEEDS_NUMBERS = frozenset({"wasserstein", "ks"})


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The reference of one feature as counts, with the statistic and threshold to judge it by.

    ``fine`` counts the E + 1 bins that are folded (for categories: kept, rare, unseen), ``tail``
    those that never are (missing; non-finite). An empty ladder: not in time order.
    """

    fine: NDArray[np.int64]
    fold: NDArray[np.intp]  # coarse bin of each fine bin
    tail: NDArray[np.int64]
    ordered: bool  # the bins have an order (numbers)
    width_over_sd: NDArray[np.float64]  # (E,); empty for categories
    null_constant: float
    ladder: tuple[Block, ...]
    test: Test
    threshold: float

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
        threshold=declared_threshold(names, settings, settings.threshold),
    )


def declared_test(names: Sequence[str], settings: DriftSettings, *, numeric: bool) -> Test:
    """The statistic that the component wants for a subject."""
    own = _own(names, settings)
    if own is not None and own.test is not None:
        return own.test
    return settings.numeric if numeric else settings.categorical


def declared_threshold(names: Sequence[str], settings: DriftSettings, default: float) -> float:
    """The effect from which a subject's change is big."""
    own = _own(names, settings)
    return default if own is None or own.threshold is None else own.threshold


def _own(names: Sequence[str], settings: DriftSettings) -> FeatureDrift | None:
    known = (settings.features[name] for name in names if name in settings.features)
    return next(known, None)

"""Data quality: the shares of missing and of non-finite values against those of the reference.

STATISTICS 1.2, 1.4: the ladder and e-BH of drift on two bins, in and not in, as a family of its
own. The effect is the gap between the two shares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.kolmogorov_smirnov import gap_effect
from detectors.ladder import Readings
from detectors.stats.evidence import log_mixture, make_null
from detectors.stats.overdispersion import effective_size
from detectors.stats.ragged import Ragged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.drift.yardstick import Yardstick

THRESHOLD = 0.05  # of the share
TESTS = ("missing_share", "non_finite_share")  # of the tail bins, in their order


class TailMeasure:
    """Constants of the H tail bins of F features; immutable.

    ``owner`` gives the feature of each tail bin, ``test`` its name in ``TESTS``, ``before`` its
    share of the reference; all have H entries.
    """

    def __init__(self, yardsticks: Sequence[Yardstick], bins: Ragged) -> None:
        sizes = [len(y.tail) for y in yardsticks]
        self.owner = np.repeat(np.arange(len(yardsticks)), sizes)
        self.test = tuple(test for size in sizes for test in TESTS[:size])
        self._places = np.concatenate(
            [
                start + len(y.fine) + np.arange(len(y.tail))
                for start, y in zip(bins.starts, yardsticks, strict=True)
            ]
        )
        inside = np.concatenate([y.tail for y in yardsticks])
        self._rows = np.array([y.rows for y in yardsticks])[self.owner]
        self.before = inside / np.maximum(self._rows, 1)
        self._two = Ragged((2,) * len(inside))
        counts = np.stack([self._rows - inside, inside], axis=-1).ravel()
        self._null = make_null(counts, self._two, (0,) * len(inside))

    def shares(self, counts: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of each tail bin in each window, shape (K, H); 0 where there is no event."""
        inside: NDArray[np.float64] = counts[:, self._places]
        return inside / np.where(n > 0, n, 1.0)[:, None]

    def readings(
        self, counts: NDArray[np.float64], drift: Readings, usable: NDArray[np.bool_]
    ) -> Readings:
        """Measure the windows that drift has measured, shape (K, H).

        ``counts`` as there; ``usable`` says which lengths each feature has, shape (K, F).
        """
        share = self.shares(counts, drift.n)
        size = np.where(drift.n > 0, drift.n, 1.0)[:, None]
        rho = drift.rho[:, self.owner]
        m = effective_size(rho, size, np.maximum(self._rows, 1))
        y = np.stack([m * (1 - share), m * share], axis=-1).reshape(len(share), -1)
        p = self._null.p[1::2]
        effect = gap_effect(np.abs(share - self.before), share * (1 - share), p * (1 - p), m)
        return Readings(
            drift.n, rho, m, log_mixture(y, m, self._null), effect, usable[:, self.owner]
        )

"""Expected calibration error: how far scores are from the rates that they promise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_HALF_NORMAL = math.sqrt(2 / math.pi)  # mean of |z|


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """The error in [0, 1]: as counted (``raw``), less what noise adds (``value``), and the noise.

    ``noise`` is the expected sum of absolute deviations if every bin were calibrated, ``spread``
    the standard deviation of the signed sum.
    """

    raw: float
    value: float
    noise: float
    spread: float
    size: float

    def bounds(self, error: float) -> tuple[float, float]:
        """Limits in [0, 1], each of which misses the true error with probability <= ``error``.

        With bins whose gaps g + s z are near normal, sum w |g + s z| exceeds sum w |g| by at most
        sum w s |z|, whose mean is ``noise`` and which is Lipschitz in z with constant ``spread``:
        it exceeds its mean by t with probability <= exp(-t^2 / (2 spread^2)) (Tsirelson, Ibragimov
        & Sudakov 1976). Downwards it is at least the signed sum with the true signs, which is
        normal around the true error.
        """
        lower = self.raw - self.noise - math.sqrt(2 * math.log(1 / error)) * self.spread
        upper = self.raw - float(special.ndtri(error)) * self.spread
        return min(max(0.0, lower), self.value), max(min(1.0, upper), self.value)


def calibration_error(
    weight: Floats, squared_weight: Floats, gap: Floats, noise: Floats
) -> CalibrationError | None:
    """The error of bins; None where no event has weight.

    Parameters
    ----------
    weight, squared_weight
        Sums of w and w^2 per bin, shape (bins,).
    gap
        Rate of favourable labels less mean score per bin, 0 where a bin is empty.
    noise
        Variance of one event's label around its score per bin.

    Notes
    -----
    raw = sum of weight |gap| / total (Naeini, Cooper & Hauskrecht 2015, eq. 3). Noise makes every
    |gap| larger; ``value`` takes the mean of a folded normal off, at gaps that are shrunk by their
    own variance, sqrt(max(0, gap^2 - s^2)) (as the debiased estimate of Kumar, Liang & Ma 2019,
    Def. 5.2, does for squares). Where all gaps are 0 a part of the bias stays, where they are
    about as large as their noise a little too much is taken off: docs/statistics.md has both.
    """
    total = float(weight.sum())
    if total <= 0:
        return None
    filled = weight > 0
    part, gap, noise = weight[filled] / total, gap[filled], noise[filled]
    sd = np.sqrt(noise * squared_weight[filled]) / weight[filled]
    raw = float(part @ np.abs(gap))
    shrunk = np.sqrt(np.maximum(0.0, gap**2 - sd**2))
    return CalibrationError(
        raw=raw,
        value=max(0.0, raw - float(part @ (_folded_mean(shrunk, sd) - shrunk))),
        noise=_HALF_NORMAL * float(part @ sd),
        spread=float(np.sqrt((part * sd) @ (part * sd))),
        size=total**2 / float(squared_weight.sum()),
    )


def _folded_mean(mean: Floats, sd: Floats) -> Floats:
    """E |mean + sd z|, shape (bins,)."""
    ratio = mean / np.where(sd > 0, sd, 1.0)
    folded = sd * _HALF_NORMAL * np.exp(-(ratio**2) / 2) + mean * (2 * special.ndtr(ratio) - 1)
    return np.asarray(np.where(sd > 0, folded, mean))

"""The rules of common tools, on the same counts: what the tables compare with.

Every function takes the counts of W windows in all bins of a ``Watch``, shape (W, bins), and looks
at each window alone, as these tools do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc, kolmogorov

from detectors.drift.jensen_shannon import jensen_shannon
from detectors.drift.kolmogorov_smirnov import kolmogorov_smirnov
from detectors.drift.psi import psi
from detectors.stats.evidence import smoothed
from detectors.stats.ragged import Ragged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.tables.coded import Watch

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]


def raw_psi(watched: Watch, counts: Counts) -> Floats:
    """PSI over tenths and categories, bias and all, shape (W, F)."""
    measure = watched.measure
    p = smoothed(measure.coarse_reference, measure.coarse_bins)
    return psi(
        measure.coarse(counts.astype(np.float64)), p, *_unused(watched, counts), measure.coarse_bins
    ).raw


def raw_js(watched: Watch, counts: Counts) -> Floats:
    """Jensen-Shannon distance over tenths and categories, shape (W, F)."""
    measure = watched.measure
    p = smoothed(measure.coarse_reference, measure.coarse_bins)
    unused = _unused(watched, counts)
    return jensen_shannon(
        measure.coarse(counts.astype(np.float64)), p, *unused, measure.coarse_bins
    ).raw


def raw_ks(watched: Watch, counts: Counts) -> tuple[NDArray[np.intp], Floats]:
    """Places of the numeric subjects, and the Kolmogorov-Smirnov distance of each, (W, numeric)."""
    sticks = [subject.yardstick for subject in watched.subjects]
    places = [place for place, stick in enumerate(sticks) if stick.ordered]
    bins = Ragged(tuple(len(sticks[place].fine) for place in places))
    starts = watched.bins.starts[places]
    finite = np.concatenate([s + np.arange(n) for s, n in zip(starts, bins.sizes, strict=True)])
    reference = np.concatenate([sticks[place].fine for place in places]).astype(np.float64)
    window = counts[:, finite].astype(np.float64)
    m = np.ones((len(counts), len(places)))
    return np.array(places), kolmogorov_smirnov(window, reference, m, bins).raw


def p_values(watched: Watch, counts: Counts) -> Floats:
    """Two-sample tests, shape (W, F): Kolmogorov-Smirnov for numbers, chi-square for the rest."""
    p = _chi_square(watched, counts)
    numeric, distance = raw_ks(watched, counts)
    rows = counts[:, watched.bins.slice(0)].sum(axis=1)
    size = np.sqrt(1 / (1 / rows + 1 / watched.rows))[:, None]
    p[:, numeric] = kolmogorov((size + 0.12 + 0.11 / size) * distance)  # Stephens 1970
    return p


def chunk_limits(watched: Watch, chunks: Counts) -> Floats:
    """Mean + 3 sd of the distance between chunks of the reference and the whole, shape (F,)."""
    distance = raw_js(watched, chunks)
    limit: Floats = distance.mean(axis=0) + 3 * distance.std(axis=0)
    return limit


def _chi_square(watched: Watch, counts: Counts) -> Floats:
    measure = watched.measure
    bins = measure.coarse_bins
    window, reference = measure.coarse(counts.astype(np.float64)), measure.coarse_reference
    rows = bins.sum(window)
    both = window + reference
    present = both > 0
    expected = np.where(present, both, 1) * bins.spread(rows / (rows + watched.rows))
    share = rows / watched.rows  # of both samples' terms: n and n0
    statistic = bins.sum(np.where(present, (window - expected) ** 2 / expected, 0.0)) * (1 + share)
    freedom = np.maximum(1, bins.sum(present.astype(np.intp)) - 1)
    return np.asarray(chdtrc(freedom, statistic), dtype=np.float64)


def _unused(watched: Watch, counts: Counts) -> tuple[Floats, Floats]:
    """Effective sizes and degrees of freedom: only the interval needs them, not the raw value."""
    features = len(watched.subjects)
    return np.ones((len(counts), features)), np.ones(features)

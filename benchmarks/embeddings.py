"""Drift of a model's own embeddings: Fourier sums beside the exact statistic, on one BLAS thread.

384 coordinates of length 1, windows of 1,000 rows, a reference of 1,000, 1,024 projections. The
exact statistic is the unbiased MMD under the same Gaussian kernel, from all three kernel matrices
and in one pass of plain numpy; a permutation test needs it once and a sum over the matrix for
every permutation. Window means keep one order whichever of the two measures them: correlation.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.mmd import gram_null, log_e_of, mmd_effect, tail_probability
from governance.algebra.fourier import SUM_SCALE, Projection, bandwidth

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

COORDINATES, ROWS = 384, 1_000
WINDOWS = 25  # from nothing changed to all rows replaced
ROUNDS = 7
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of the fastest round each, and the correlation of the two distances."""

    sums: float
    verdict: float
    exact: float
    permutation: float
    correlation: float


def main() -> None:
    """BLAS takes its number of threads when it is loaded: measure in a process of its own."""
    environment = os.environ | dict.fromkeys(_THREADS, "1")
    command = [sys.executable, "-m", "benchmarks.embeddings"]
    subprocess.run(command, env=environment, check=True)


def report() -> None:
    costs = measure()
    whole = costs.sums + costs.verdict
    print(f"Fourier sums of {ROWS:,} rows           {1e3 * costs.sums:>9.1f} ms")
    print(f"                                    {ROWS / costs.sums:>9,.0f} rows/s")
    print(f"distance, p-value, e-value, interval{1e3 * costs.verdict:>9.3f} ms")
    print(f"exact MMD in numpy                  {1e3 * costs.exact:>9.1f} ms")
    print(f"exact MMD and one permutation       {1e3 * costs.permutation:>9.1f} ms")
    print(f"exact / Fourier                     {costs.exact / whole:>9.1f}")
    print(f"with one permutation / Fourier      {costs.permutation / whole:>9.1f}")
    print(f"correlation with exact MMD          {costs.correlation:>9.4f}")


def measure() -> Costs:
    """All works take turns, so that other load meets them alike."""
    reference, other = rows(0), rows(1, shift=0.5)
    projection = Projection("model", (1.0,) * COORDINATES, bandwidth(reference), seed=7, unit=True)
    mean = projection.sums(reference) / SUM_SCALE / ROWS
    picked = [features for _, features in projection.pieces(reference)]
    null = gram_null(np.concatenate(picked) / np.float64(SUM_SCALE))
    sums = projection.sums(other)

    def verdict() -> object:
        m = np.array(ROWS / 2.0)
        squared = np.array(((sums / SUM_SCALE / ROWS - mean) ** 2).sum())
        return log_e_of(tail_probability(squared, m, null)), mmd_effect(squared, m, null)

    works: dict[str, Callable[[], object]] = {
        "sums": lambda: projection.sums(other),
        "verdict": verdict,
        "exact": lambda: exact(reference, other, projection.h),
        "permutation": lambda: permuted(reference, other, projection.h),
    }
    seconds = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for name, work in works.items():
            seconds[name] = min(seconds[name], _timed(work))
    return Costs(**seconds, correlation=correlation(projection, reference, mean))


def correlation(projection: Projection, reference: Floats, mean: Floats) -> float:
    """Of squared distances by Fourier sums, and exact ones, over windows that move away."""
    ours, exactly = [], []
    for place in range(WINDOWS):
        window = mixed(place / (WINDOWS - 1), seed=10 + place)
        moved = projection.sums(window) / SUM_SCALE / ROWS - mean
        ours.append(float(np.sqrt((moved**2).sum())))
        exactly.append(np.sqrt(max(0.0, exact(reference, window, projection.h))))
    return float(np.corrcoef(ours, exactly)[0, 1])


def exact(left: Floats, right: Floats, h: float) -> float:
    """Unbiased squared MMD (Gretton et al. 2012, equation 3)."""
    n, m = len(left), len(right)
    within = _kernel(left, left, h).sum() - n, _kernel(right, right, h).sum() - m
    between = 2 * _kernel(left, right, h).mean()
    return float(within[0] / (n * (n - 1)) + within[1] / (m * (m - 1)) - between)


def permuted(left: Floats, right: Floats, h: float) -> tuple[float, float]:
    """The statistic and one permutation of it, from one kernel matrix over all rows."""
    both = np.concatenate([left, right])
    kernel = _kernel(both, both, h)
    order = np.random.default_rng(0).permutation(len(both))
    return _of_kernel(kernel, len(left)), _of_kernel(kernel[np.ix_(order, order)], len(left))


def rows(seed: int, shift: float = 0.0) -> Floats:
    """Unit vectors around a direction, as encoders give them."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(99).normal(size=(12, COORDINATES)) / np.sqrt(COORDINATES)
    weights = rng.dirichlet(np.full(12, 0.3), ROWS)
    vectors = weights @ directions + rng.normal(0, 0.6 / np.sqrt(COORDINATES), (ROWS, COORDINATES))
    vectors += shift * directions[0]
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def mixed(share: float, seed: int) -> Floats:
    """A window of which ``share`` is replaced by other rows."""
    usual, other = rows(seed), rows(seed + 1_000, shift=0.5)
    moved = np.random.default_rng(seed).random(ROWS) < share
    return np.where(moved[:, None], other, usual)


def _of_kernel(kernel: Floats, n: int) -> float:
    m = len(kernel) - n
    within = kernel[:n, :n].sum() - n, kernel[n:, n:].sum() - m
    between = 2 * kernel[:n, n:].mean()
    return float(within[0] / (n * (n - 1)) + within[1] / (m * (m - 1)) - between)


def _kernel(left: Floats, right: Floats, h: float) -> Floats:
    squared = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * (left @ right.T)
    kernel: Floats = np.exp(squared / (-2 * h**2))
    return kernel


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    report()

from __future__ import annotations

import numpy as np
import pytest

from governance.algebra.products import (
    FARTHEST,
    SCALE,
    STEPS,
    product_sums,
    size_of,
    symmetric,
    whole_steps,
)


def drawn(features: int, n: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Extreme scores below a row of ones."""
    steps = np.random.default_rng(0).integers(-FARTHEST, FARTHEST + 1, (features + 1, n))
    steps[0] = 1
    return steps.astype(np.float32)


def test_sums_are_those_of_whole_numbers() -> None:
    """Every product is added exactly: as in integers, one row after the other."""
    steps = drawn(5, 5_000)
    whole = steps.astype(np.int64)
    slow = [int((whole[i] * whole[j]).sum()) * SCALE for i in range(6) for j in range(i, 6)]
    assert product_sums(steps).tolist() == slow


def test_weighted_sums_are_exact() -> None:
    """Weights are rounded row by row, so that batches add up; the largest too."""
    steps, rng = drawn(3, 3_000), np.random.default_rng(1)
    weight = np.concatenate([rng.uniform(1, 10_000, 2_000), np.full(1_000, 20_000.0)])
    fixed = np.rint(np.minimum(weight, 10_000) * SCALE).astype(np.int64)
    whole = steps.astype(np.int64)
    slow = [int((whole[i] * whole[j] * fixed).sum()) for i in range(4) for j in range(i, 4)]
    assert product_sums(steps, weight).tolist() == slow
    parts = product_sums(steps[:, :777], weight[:777]) + product_sums(steps[:, 777:], weight[777:])
    assert parts.tolist() == slow


def test_extreme_scores_still_add_up() -> None:
    """As many rows of the farthest score as one piece holds are still whole in float32."""
    steps = np.full((2, 1_024), FARTHEST, dtype=np.float32)
    steps[0] = 1
    assert product_sums(steps).tolist()[-1] == 1_024 * FARTHEST**2 * SCALE


def test_no_rows() -> None:
    """Nothing adds up to zeros of the right length."""
    assert product_sums(drawn(4, 0)).tolist() == [0] * size_of(4)


def test_matrices_are_in_units() -> None:
    """The matrix of a window: rows, sums of scores, sums of products, symmetric."""
    steps = drawn(2, 100)
    matrix = symmetric(product_sums(steps)[None], 2)[0]
    scores = np.vstack([np.ones(100), steps[1:].astype(np.float64) / STEPS])
    assert matrix == pytest.approx(scores @ scores.T)


def test_scores_are_cut() -> None:
    """What is farther from the mean than FARTHEST counts as that far."""
    assert whole_steps(np.array([-99.0, -1.0, 0.01, 99.0])).tolist() == [
        -FARTHEST,
        -STEPS,
        0,
        FARTHEST,
    ]

"""The area under the ROC curve against every pair of events."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.stats.roc_area import roc_area


def histograms(
    score: np.ndarray, label: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of w and of w^2 by score and label."""
    once, twice = np.zeros((20, 2)), np.zeros((20, 2))
    np.add.at(once, (score, label), weight)
    np.add.at(twice, (score, label), weight**2)
    return once, twice


@pytest.mark.parametrize("weighted", [False, True])
def test_structural_components_pair_by_pair(*, weighted: bool) -> None:
    """Area and variance of DeLong, ties one half, half an event at either end."""
    rng = np.random.default_rng(0)
    score, label = rng.integers(0, 20, 150), rng.integers(0, 2, 150)
    score = np.minimum(19, score + 3 * label)
    weight = rng.choice([1.0, 4.0], 150) if weighted else np.ones(150)
    found = roc_area(*histograms(score, label, weight))
    assert found is not None
    yes, no = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    pairs = (score[yes][:, None] > score[no]) + 0.5 * (score[yes][:, None] == score[no])
    v10, v01 = pairs @ weight[no] / weight[no].sum(), weight[yes] @ pairs / weight[yes].sum()
    area = float(weight[yes] @ v10 / weight[yes].sum())
    variance = 0.0
    for rows, part in ((yes, v10), (no, v01)):
        w = weight[rows]
        n = w.sum() ** 2 / (w**2).sum()
        variance += w**2 @ (part - area) ** 2 / w.sum() ** 2
        variance += (area**2 + (1 - area) ** 2) / 2 / n**2
    assert found.value == pytest.approx(area, abs=1e-12)
    assert found.size == pytest.approx(area * (1 - area) / variance, rel=1e-9)


def test_perfect_order_knows_no_more_than_there_are_events() -> None:
    """No two events out of order is no proof that none ever are."""
    once = np.zeros((20, 2))
    once[3, 0], once[15, 1] = 40, 5
    found = roc_area(once, once)
    assert found is not None
    assert found.value == 1
    assert 5 <= found.size <= 45


def test_one_kind_has_no_area() -> None:
    """Either kind alone cannot be compared."""
    once = np.zeros((20, 2))
    once[:, 0] = 1
    assert roc_area(once, once) is None
    assert roc_area(once[:, ::-1], once[:, ::-1]) is None

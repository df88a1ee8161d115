from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from detectors.stats.scaling import category_scores, normal_scores

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def gram(codes: list[np.ndarray[tuple[int], np.dtype[np.int64]]], numbers: Floats) -> Floats:
    """Products of indicators of each feature's categories, then of numbers."""
    columns = [np.eye(int(code.max()) + 1)[code] for code in codes]
    rows = np.hstack([*columns, numbers])
    return np.asarray(rows.T @ rows)


def test_normal_scores_of_equal_bins() -> None:
    """Ten bins of equal share score as the middles of their tenths, brought to variance 1."""
    found = normal_scores(np.full(10, 50))
    plain = norm.ppf((np.arange(10) + 0.5) / 10)
    assert found == pytest.approx(plain / plain.std())


@pytest.mark.parametrize("counts", [[0, 0, 0], [0, 7, 0]])
def test_normal_scores_of_what_does_not_vary(counts: list[int]) -> None:
    """They are 0, not infinite."""
    assert normal_scores(np.array(counts)).tolist() == [0.0, 0.0, 0.0]


def test_categories_score_as_the_number_that_they_go_by() -> None:
    """Beside one number, scores are its means by category: no other scores correlate more."""
    rng = np.random.default_rng(0)
    number = rng.normal(size=20_000)
    number = (number - number.mean()) / number.std()
    codes = np.array([2, 0, 3, 1])[np.searchsorted([-1.0, 0.2, 0.9], number)]
    (found,) = category_scores(gram([codes], number[:, None]), [4], 20_000)
    means = np.array([number[codes == code].mean() for code in range(4)])
    assert abs(np.corrcoef(found, means)[0, 1]) > 0.9999
    assert np.average(found, weights=np.bincount(codes)) == pytest.approx(0, abs=1e-9)
    assert np.average(found**2, weights=np.bincount(codes)) == pytest.approx(1)


def test_two_features_reach_their_maximal_correlation() -> None:
    """The first canonical correlation of a table: the second singular value of its residuals."""
    rng = np.random.default_rng(1)
    one = rng.integers(0, 4, 30_000)
    other = np.where(rng.random(30_000) < 0.5, (one * 2 + 1) % 5, rng.integers(0, 5, 30_000))
    first, second = category_scores(gram([one, other], np.empty((30_000, 0))), [4, 5], 30_000)
    table = np.zeros((4, 5))
    np.add.at(table, (one, other), 1 / 30_000)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    residuals = (table - np.outer(rows, columns)) / np.sqrt(np.outer(rows, columns))
    best = np.linalg.svd(residuals)[1][0]
    assert abs(np.corrcoef(first[one], second[other])[0, 1]) == pytest.approx(best, abs=1e-3)


def test_order_of_names_does_not_matter() -> None:
    """Renumbered categories get the same scores."""
    rng = np.random.default_rng(2)
    number = rng.normal(size=(5_000, 1))
    codes = np.searchsorted([-0.5, 0.5], number[:, 0] + rng.normal(size=5_000))
    renamed = np.array([2, 0, 1])[codes]
    (plain,) = category_scores(gram([codes], number), [3], 5_000)
    (other,) = category_scores(gram([renamed], number), [3], 5_000)
    assert other[[2, 0, 1]] == pytest.approx(plain)

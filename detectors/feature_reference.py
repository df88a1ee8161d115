"""One feature of a reference: its bins, the counts of the reference rows, and its ladder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.drift.wasserstein import exact_null_constant, null_constant
from detectors.stats.overdispersion import FEWEST_BLOCKS, Block, rho_ladder
from governance.algebra.bins import (
    CategoryBins,
    NumericBins,
    category_bins,
    fold,
    numeric_bins,
)
from governance.algebra.canonical import canonical_text
from governance.algebra.cells import float_dictionary, is_number, number_of_text
from governance.algebra.pieces import Pieces, make_pieces
from governance.algebra.sums import WEIGHT_SCALE
from governance.event import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEW_SINGLE = 1_000  # one row in so many with a value of its own changes nothing


@dataclass(frozen=True, slots=True, eq=False)
class FeatureReference:
    """Bins of a feature, and the reference rows in each, shape (bins.size,).

    An empty ``ladder`` says that the rows are not in time order. ``null_constant`` belongs to the
    Wasserstein distance over bins; 0 for categories. ``pieces`` say where in its bin a row lies,
    and ``exact_constant`` belongs to the distance over them; None for categories, for a constant,
    and in profiles from before there were any: distances are then read from bins alone.
    """

    bins: NumericBins | CategoryBins
    counts: NDArray[np.int64]
    ladder: tuple[Block, ...] = ()
    null_constant: float = 0.0
    pieces: Pieces | None = None
    exact_constant: float = 0.0

    @property
    def fold(self) -> NDArray[np.intp]:
        """The coarse bin of each fine bin; categories are not folded."""
        fine = self.counts[: -self.bins.tail]
        return fold(fine) if isinstance(self.bins, NumericBins) else np.arange(len(fine))

    def content(self) -> dict[str, Any]:
        """The feature as plain JSON; ``detectors.profile`` reads it back."""
        bins = self.bins
        shared: dict[str, Any] = {
            "counts": self.counts.tolist(),
            "ladder": [[block.k, block.rows, block.rho] for block in self.ladder],
        }
        if isinstance(bins, CategoryBins):
            return {**shared, "kind": "category", "kept": list(bins.kept), "rare": list(bins.rare)}
        return {
            **shared,
            "kind": "numeric",
            "edges": bins.edges.tolist(),
            "minimum": bins.minimum,
            "maximum": bins.maximum,
            "sd": bins.sd,
            "null_constant": self.null_constant,
            **({} if self.pieces is None else {"pieces": self._pieces_content(self.pieces)}),
        }

    def _pieces_content(self, pieces: Pieces) -> dict[str, Any]:
        return {
            "edges": pieces.bins.edges.tolist(),
            "rows": pieces.rows.tolist(),
            "mean": pieces.mean.tolist(),
            "null_constant": self.exact_constant,
        }


@dataclass(frozen=True, slots=True, eq=False)
class RowPanes:
    """The pane of every reference row, from 0; the first ``complete`` panes have all their rows.

    ``unit`` panes make one window.
    """

    numbers: NDArray[np.int64]  # shape (n,)
    complete: int
    unit: int = 1


def feature_reference(
    column: Column, *, categorical: bool, panes: RowPanes | None
) -> FeatureReference:
    """Measure one column of the reference rows.

    Parameters
    ----------
    column
        Values of all rows, in file order.
    categorical
        The column is declared categorical; else it is if a text in it is no number.
    panes
        How the rows fall into panes; None = they are not in time order.
    """
    others: NumericBins | CategoryBins
    if categorical or not _all_numbers(column):
        column = _as_text(column)
        rows = _rows_by_name(column)
        bins = category_bins(rows)
        others = _known_from_others(bins, rows)
        feature = FeatureReference(bins, others.count(*_parts(column)) // WEIGHT_SCALE)
    else:
        column = _as_numbers(column)
        feature = _of_numbers(column.values)
        others = feature.bins
    if panes is None or feature.counts.sum() < FEWEST_BLOCKS:
        return feature
    codes = _coarse_codes(feature, others.codes(*_parts(column)))
    return replace(feature, ladder=_ladder(codes, panes))


def _known_from_others(bins: CategoryBins, rows: Counter[str]) -> CategoryBins:
    """The same bins without names of one row, so that a reference row counts as a new row would.

    A row is unseen if no other row has its value. Without this the reference would have no unseen
    row at all, and a feature of many values (an area, a product) would change in every window of
    the same traffic: its new rows hold values that the reference missed with a probability near
    (names of one row) / rows (Good 1953, eq. 9). Fewer than one row in a thousand are left as they
    are: their part of any effect is below every usable threshold.
    """
    single = {name for name in bins.rare if rows[name] == 1}
    if _FEW_SINGLE * len(single) < rows.total():
        return bins
    return CategoryBins(bins.kept, tuple(name for name in bins.rare if name not in single))


def _of_numbers(values: NDArray[np.float64]) -> FeatureReference:
    bins = numeric_bins(values)
    counts = bins.count(values) // WEIGHT_SCALE
    constant = null_constant(counts[: -bins.tail], bins.width_over_sd())
    pieces = make_pieces(values, bins)
    exact = 0.0 if pieces is None else exact_null_constant(values, pieces)
    return FeatureReference(bins, counts, (), constant, pieces, exact)


def _ladder(codes: NDArray[np.integer[Any]], panes: RowPanes) -> tuple[Block, ...]:
    """The ladder as production cuts windows; where one exceeds n0/8, eight blocks of n0 div 8."""
    ladder = _measured(codes, panes)
    if ladder:
        return ladder
    rows = len(codes) // FEWEST_BLOCKS
    return _measured(codes, RowPanes(np.arange(len(codes)) // rows, FEWEST_BLOCKS))


def _measured(codes: NDArray[np.integer[Any]], panes: RowPanes) -> tuple[Block, ...]:
    size = int(codes.max()) + 1
    numbers, place = np.unique(panes.numbers, return_inverse=True)
    counts = np.bincount(place * size + codes, minlength=len(numbers) * size)
    return rho_ladder(
        counts.reshape(len(numbers), size),
        np.bincount(codes, minlength=size),
        numbers=numbers,
        complete=panes.complete,
        unit=panes.unit,
    )


def _coarse_codes(
    feature: FeatureReference, codes: NDArray[np.integer[Any]]
) -> NDArray[np.integer[Any]]:
    tail = int(feature.fold[-1]) + 1 + np.arange(feature.bins.tail)
    coarse: NDArray[np.intp] = np.concatenate([feature.fold, tail])
    return np.asarray(coarse[codes])


def _parts(column: Column) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    return column.values, column.dictionary


def _all_numbers(column: Column) -> bool:
    if column.dictionary is None:
        return True
    used = np.unique(column.values[column.values >= 0])
    texts = (column.dictionary[code] for code in used)
    return all(is_number(text) for text in texts if text)


def _as_numbers(column: Column) -> Column:
    if column.dictionary is None:
        return Column(np.asarray(column.values, dtype=np.float64))
    numbers = np.array([*map(number_of_text, column.dictionary), np.nan])
    return Column(numbers[np.maximum(column.values, -1)])


def _as_text(column: Column) -> Column:
    if column.dictionary is not None:
        return column
    return Column(*float_dictionary(np.asarray(column.values, dtype=np.float64)))


def _rows_by_name(column: Column) -> Counter[str]:
    entries = np.bincount(column.values[column.values >= 0])
    rows: Counter[str] = Counter()
    for text, count in zip(column.dictionary or (), entries.tolist(), strict=False):
        if count:
            rows[canonical_text(text)] += count
    return rows

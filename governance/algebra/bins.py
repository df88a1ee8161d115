"""Bins that a reference fixes, and the counting of values into them.

Numeric features have fine bins at the quantiles k/128 of the reference; a value that holds at
least 1/128 of its rows has a bin of its own. End bins are open, bins are closed on the right, and
missing and non-finite values are counted apart, behind the fine bins. Categories have a bin for
each of the 20 most frequent, then ``rare`` (known, not kept), ``unseen`` and missing.

The reference and every sidecar, detector and replay count with this code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.algebra.canonical import canonical_text
from governance.algebra.cells import float_dictionary, number_of_text
from governance.algebra.grid import Grid, make_grid
from governance.algebra.sums import WEIGHT_SCALE, weighted_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Tables = dict[tuple[str, ...], NDArray[np.intp]]  # the bin of each text of a dictionary

FINE_BINS = 128  # quantiles k/128, and the share from which a value has its own bin
KEPT_CATEGORIES = 20
KEPT_ROWS = 10  # a category with fewer reference rows is rare
MOST_TABLES, MOST_REMEMBERED_TEXTS = 16, 256  # about 0.5 MB a feature at most
LOOK_UP_FROM = 1_024  # values from which the grid is faster than a binary search


@dataclass(frozen=True, slots=True)
class NumericBins:
    """Bins of a numeric feature: E edges, E + 1 fine bins, then missing, then non-finite.

    ``minimum``, ``maximum`` and ``sd`` (population) are of the finite reference rows; all are 0
    where there are none.
    """

    edges: NDArray[np.float64]  # shape (E,), strictly rising, finite
    minimum: float
    maximum: float
    sd: float
    _grid: Grid | None = field(init=False, repr=False, compare=False)

    tail = 2  # bins behind the fine ones

    def __post_init__(self) -> None:
        object.__setattr__(self, "_grid", make_grid(self.edges))

    @property
    def size(self) -> int:
        """Number of bins, the two tail bins included."""
        return len(self.edges) + 3

    def count(
        self,
        values: NDArray[Any],
        dictionary: Sequence[str] | None = None,
        weight: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int64]:
        """Sums of weights per bin, shape (size,), scale ``WEIGHT_SCALE``.

        ``values`` are floats (NaN is missing) or codes into ``dictionary`` (negative is missing),
        whose texts are parsed as ``number_of_text`` does.

        Raises
        ------
        ValueError
            If a code has no text in the dictionary.
        """
        if dictionary is not None:
            return _count_entries(values, self._table(dictionary), self.size, -2, weight)
        codes = self._codes(np.asarray(values, dtype=np.float64))
        if weight is None:
            return np.bincount(codes, minlength=self.size) * WEIGHT_SCALE
        return weighted_counts(codes, self.size, weight)

    def codes(
        self, values: NDArray[Any], dictionary: Sequence[str] | None = None
    ) -> NDArray[np.integer[Any]]:
        """The bin of each value, shape (n,): 0 ... E fine, E + 1 missing, E + 2 non-finite."""
        if dictionary is not None:
            return _look_up(values, np.append(self._table(dictionary), self.size - 2))
        return self._codes(np.asarray(values, dtype=np.float64))

    def width_over_sd(self) -> NDArray[np.float64]:
        """Half of the two bins beside each edge, over sd (1 where sd is 0), shape (E,).

        The end bins are closed at the reference's minimum and maximum.
        """
        bounds = np.concatenate([[self.minimum], self.edges, [self.maximum]])
        sd = 1.0
        if self.sd > 0:
            exponent = _exponent(bounds)
            bounds, sd = np.ldexp(bounds, -exponent), math.ldexp(self.sd, -exponent)
        width: NDArray[np.float64] = (bounds[2:] - bounds[:-2]) / (2 * sd)
        return width

    def _table(self, dictionary: Sequence[str]) -> NDArray[np.integer[Any]]:
        return self._codes(np.array([number_of_text(text) for text in dictionary]))

    def _codes(self, values: NDArray[np.float64]) -> NDArray[np.integer[Any]]:
        finite = np.isfinite(values)
        if finite.all():
            return self._finite_codes(values)
        codes = np.where(np.isnan(values), self.size - 2, self.size - 1)
        codes[finite] = self._finite_codes(values[finite])
        return codes

    def _finite_codes(self, values: NDArray[np.float64]) -> NDArray[np.integer[Any]]:
        if self._grid is not None and len(values) >= LOOK_UP_FROM:
            return self._grid.codes(values)
        return np.searchsorted(self.edges, values, side="left")


@dataclass(frozen=True, slots=True)
class CategoryBins:
    """Bins of a category feature: kept names, then rare, unseen, missing.

    ``index`` gives the bin of every known name, and of its keyed code where there is one.
    """

    kept: tuple[str, ...]
    rare: tuple[str, ...]
    index: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _tables: Tables = field(default_factory=dict, init=False, repr=False, compare=False)

    tail = 1

    def __post_init__(self) -> None:
        known = {name: bin_ for bin_, name in enumerate(self.kept)}
        known |= dict.fromkeys(self.rare, len(self.kept))
        object.__setattr__(self, "index", known)

    @property
    def size(self) -> int:
        """Number of bins, the missing bin included."""
        return len(self.kept) + 3

    def with_keyed(self, keyed: Callable[[str], str]) -> CategoryBins:
        """The same bins, in which names are also known by their keyed codes."""
        bins = CategoryBins(self.kept, self.rare)
        codes = {keyed(name): bin_ for name, bin_ in self.index.items()}
        object.__setattr__(bins, "index", {**codes, **self.index})
        return bins

    def count(
        self,
        values: NDArray[Any],
        dictionary: Sequence[str] | None = None,
        weight: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int64]:
        """Sums of weights per bin, shape (size,), scale ``WEIGHT_SCALE``.

        ``values`` are codes into ``dictionary`` (negative is missing), or floats (NaN is missing)
        that are read as canonical text. Raises as for numbers.
        """
        if dictionary is None:
            values, dictionary = float_dictionary(np.asarray(values, dtype=np.float64))
        return _count_entries(values, self._table(dictionary), self.size, -1, weight)

    def codes(
        self, values: NDArray[Any], dictionary: Sequence[str] | None = None
    ) -> NDArray[np.integer[Any]]:
        """The bin of each value, shape (n,); parameters as in ``count``."""
        if dictionary is None:
            values, dictionary = float_dictionary(np.asarray(values, dtype=np.float64))
        return _look_up(values, np.append(self._table(dictionary), self.size - 1))

    def bin_of(self, text: str) -> int:
        """The bin of one name; empty text is missing."""
        known = self.index.get(text)
        if known is None:
            text = canonical_text(text)
            known = self.index.get(text, len(self.kept) + 1 if text else len(self.kept) + 2)
        return known

    def _table(self, dictionary: Sequence[str]) -> NDArray[np.intp]:
        return _remembered(self._tables, dictionary, self._make_table)

    def _make_table(self, dictionary: Sequence[str]) -> NDArray[np.intp]:
        return np.array([self.bin_of(text) for text in dictionary], dtype=np.intp)


def numeric_bins(values: NDArray[np.float64]) -> NumericBins:
    """Bins of a reference column, shape (n,); NaN and infinities have no part in them.

    Cost: one sort.
    """
    ordered = np.sort(values[np.isfinite(values)])
    n = len(ordered)
    if n == 0:
        return NumericBins(np.empty(0), 0.0, 0.0, 0.0)
    exponent = _exponent(ordered[[0, -1]])
    # By a power of two, exactly, so that squares and differences of huge or tiny values stay real.
    edges = np.ldexp(_quantiles(np.ldexp(ordered, -exponent)), exponent)
    distinct, counts = np.unique(ordered, return_counts=True)
    atoms = distinct[counts * FINE_BINS >= n]
    with np.errstate(over="ignore"):  # below the lowest float is -inf, which is no edge
        edges = np.unique(np.concatenate([edges, atoms, np.nextafter(atoms, -np.inf)]))
    sd = math.ldexp(float(np.std(np.ldexp(ordered, -exponent))), exponent)
    if ordered[0] == ordered[-1]:
        sd = 0.0  # the mean of equal values may round
    return NumericBins(edges[np.isfinite(edges)], float(ordered[0]), float(ordered[-1]), sd)


def category_bins(rows: Mapping[str, int]) -> CategoryBins:
    """Bins of a reference column, from the rows per canonical name; empty names are missing.

    The most frequent are kept, ties by code point.
    """
    ranked = sorted((name for name in rows if name), key=lambda name: (-rows[name], name))
    kept = tuple(name for name in ranked[:KEPT_CATEGORIES] if rows[name] >= KEPT_ROWS)
    return CategoryBins(kept, tuple(sorted(ranked[len(kept) :])))


def fold(fine: NDArray[np.int64]) -> NDArray[np.intp]:
    """The coarse bin of each fine bin, shape (E + 1,), from the reference's finite counts.

    Tenths of the mid-cumulative share; a fine bin with more than a tenth of the rows stays alone.
    In integers, so that every machine folds alike.
    """
    n = int(fine.sum())
    if n == 0:
        return np.zeros(len(fine), dtype=np.intp)
    below = np.cumsum(fine) - fine
    tenth = np.minimum(9, 5 * (2 * below + fine) // n)
    alone = 10 * fine > n
    starts = (np.diff(tenth) != 0) | alone[1:] | alone[:-1]
    return np.concatenate([[0], np.cumsum(starts)]).astype(np.intp)


def total_weight(rows: int, weight: NDArray[np.float64] | None) -> int:
    """Sum of the weights of all rows, scale ``WEIGHT_SCALE``."""
    if weight is None:
        return rows * WEIGHT_SCALE
    return int(weighted_counts(np.zeros(rows, dtype=np.intp), 1, weight)[0])


def _quantiles(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    position = (len(ordered) - 1) * np.arange(1, FINE_BINS)
    below, part = position // FINE_BINS, (position % FINE_BINS) / FINE_BINS
    left, right = ordered[below], ordered[np.minimum(below + 1, len(ordered) - 1)]
    return left + (right - left) * part


def _exponent(values: NDArray[np.float64]) -> int:
    return int(np.frexp(np.max(np.abs(values)))[1])


def _remembered(
    tables: Tables,
    dictionary: Sequence[str],
    make: Callable[[Sequence[str]], NDArray[np.intp]],
) -> NDArray[np.intp]:
    """The table of a dictionary: batches of one component mostly bring the same few texts."""
    if not isinstance(dictionary, tuple) or len(dictionary) > MOST_REMEMBERED_TEXTS:
        return make(dictionary)
    table = tables.get(dictionary)
    if table is None:
        if len(tables) >= MOST_TABLES:
            tables.clear()
        table = tables[dictionary] = make(dictionary)
    return table


def _look_up(values: NDArray[Any], table: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """``table`` at each code; its last entry is for negative codes."""
    if len(values) and int(values.max()) >= len(table) - 1:
        raise _outside(int(values.max()), len(table) - 1)
    codes: NDArray[np.integer[Any]] = table[np.maximum(values, -1)]
    return codes


def _outside(code: int, texts: int) -> ValueError:
    return ValueError(f"a column holds code {code}, but its dictionary has {texts} texts")


def _count_entries(
    values: NDArray[Any],
    table: NDArray[np.integer[Any]],
    size: int,
    missing: int,
    weight: NDArray[np.float64] | None,
) -> NDArray[np.int64]:
    """Count codes per dictionary entry, then entries per bin: ``table`` names each entry's bin."""
    entries = weighted_counts(values, len(table), weight)
    if len(entries) != len(table):
        raise _outside(len(entries) - 1, len(table))
    counts = np.zeros(size, dtype=np.int64)
    np.add.at(counts, table, entries)
    counts[missing] += total_weight(len(values), weight) - int(entries.sum())
    return counts

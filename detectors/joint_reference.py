"""How the features of a reference depend on each other: scores, their correlations, their null.

Scores of categories are fitted so that dependence shows (``detectors.stats.scaling``). A fit looks
best on its own rows, so these are not measured by it: every second hundred rows fit, the others
tell what the correlations are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.row_blocks import RowBlocks
from detectors.stats.block_means import BlockMeans
from detectors.stats.correlation import VARIES, Moments, moments, row_nulls
from detectors.stats.overdispersion import FEWEST_BLOCKS
from detectors.stats.scaling import category_scores, normal_scores
from governance.algebra.bins import CategoryBins
from governance.algebra.fourier import spread_evenly
from governance.algebra.products import STEPS, product_sums, symmetric, whole_steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detectors.feature_reference import FeatureReference, RowPanes
    from detectors.stats.mmd import GramNull
    from detectors.stats.overdispersion import Block
    from governance.event import Column

    Steps = NDArray[np.int64]

FEWEST_FEATURES = 2  # between which there can be a correlation
MOST_FEATURES = 64  # the sums of so many take 9 kB a pane

_RUN = 100  # rows that fit, or tell, together
_FIT_ROWS = 50_000
_NULL_ROWS = 10_000
_PIECE = 4_096  # rows whose indicators are in memory at one time


@dataclass(frozen=True, slots=True, eq=False)
class JointReference:
    """What the dependence of the tabular features is compared with.

    ``steps`` gives each bin of each feature its score in steps of ``products.STEPS``; ``sums`` are
    the sums of products over ``rows`` rows. ``left_out`` counts features beyond ``MOST_FEATURES``.
    An empty ``ladder``: not in time order, or too few rows.
    """

    features: tuple[str, ...]  # columns, in the order of the sums
    steps: tuple[Steps, ...]
    rows: int
    sums: NDArray[np.int64]
    nulls: tuple[GramNull, ...]
    left_out: int = 0
    ladder: tuple[Block, ...] = ()

    @property
    def moments(self) -> Moments:
        """Means, variances and correlations of the scores."""
        return moments(symmetric(self.sums, len(self.features)))

    @property
    def constant(self) -> bool:
        """Whether fewer than two features vary, so that nothing depends on anything."""
        return sum(null.first > VARIES for null in self.nulls) < FEWEST_FEATURES

    def content(self) -> dict[str, Any]:
        """As plain JSON; ``detectors.profile`` reads it back."""
        return {
            "features": list(self.features),
            "steps": [steps.tolist() for steps in self.steps],
            "rows": self.rows,
            "sums": self.sums.tolist(),
            "nulls": [[n.first, n.second, n.third, n.largest] for n in self.nulls],
            "left_out": self.left_out,
            "ladder": [[block.k, block.rows, block.rho] for block in self.ladder],
        }


def joint_reference(
    features: Mapping[str, FeatureReference],
    columns: Mapping[str, Column],
    panes: RowPanes | None,
) -> JointReference | None:
    """Measure how features depend on each other.

    Parameters
    ----------
    features
        The measured features by column; the first ``MOST_FEATURES`` by name are looked at.
    columns
        Their values, of all rows in file order.
    panes
        How the rows fall into panes; None = they are not in time order.

    Returns
    -------
    JointReference or None
        None where there are fewer than two features.

    Notes
    -----
    Cost: 1 s for 70,000 rows of 16 features.
    """
    names = sorted(features)[:MOST_FEATURES]
    if len(names) < FEWEST_FEATURES:
        return None
    chosen = {name: features[name] for name in names}
    steps = _steps(chosen, columns)
    rows = np.stack([steps[n][_codes(features[n], columns[n])].astype(np.int8) for n in names])
    tells = _tells(rows.shape[1], fitted=any(map(_is_category, chosen.values())))
    plain = JointReference(
        features=tuple(names),
        steps=tuple(steps[name] for name in names),
        rows=int(tells.sum()),
        sums=sums_of(rows[:, tells]),
        nulls=(),
        left_out=len(features) - len(names),
    )
    past = plain.moments
    standard = _standard(spread_evenly(rows.T, _NULL_ROWS), past)
    nulls = tuple(null.stable() for null in row_nulls(standard, past.correlation))
    built = replace(plain, nulls=nulls)
    if panes is None or built.constant or rows.shape[1] < FEWEST_BLOCKS:
        return built
    return replace(
        built, ladder=_ladder(rows, built, RowBlocks.of(panes, np.arange(rows.shape[1])))
    )


def sums_of(rows: NDArray[np.int8]) -> NDArray[np.int64]:
    """Sums of products of scores in steps, shape (d, n)."""
    ones = np.ones((1, rows.shape[1]), dtype=np.float32)
    return product_sums(np.concatenate([ones, rows.astype(np.float32)]))


def _steps(
    features: Mapping[str, FeatureReference], columns: Mapping[str, Column]
) -> dict[str, Steps]:
    """The score of each bin; missing, non-finite and unseen values score 0, the mean."""
    numbers = {
        name: _padded(normal_scores(feature.counts[: -feature.bins.tail]), feature)
        for name, feature in features.items()
        if not _is_category(feature)
    }
    categories = [name for name, feature in features.items() if _is_category(feature)]
    if not categories:
        return numbers
    sizes = [features[name].bins.size - 2 for name in categories]  # kept and rare
    gram, rows = _gram(features, columns, categories, numbers)
    fitted = zip(categories, category_scores(gram, sizes, rows), strict=True)
    return numbers | {name: _padded(scores, features[name]) for name, scores in fitted}


def _gram(
    features: Mapping[str, FeatureReference],
    columns: Mapping[str, Column],
    categories: Sequence[str],
    numbers: Mapping[str, Steps],
) -> tuple[NDArray[np.float64], int]:
    """Sums of products of indicators and scores over the rows that fit, and how many they are."""
    n = len(columns[categories[0]].values)
    chosen = spread_evenly(np.flatnonzero(~_tells(n, fitted=True)), _FIT_ROWS)
    if not len(chosen):
        chosen = np.arange(n)
    codes = {name: _codes(features[name], columns[name].take(chosen)) for name in features}
    starts = np.cumsum([0, *(features[name].bins.size - 2 for name in categories)]).tolist()
    gram = np.zeros((starts[-1] + len(numbers),) * 2)
    for first in range(0, len(chosen), _PIECE):
        piece = slice(first, first + _PIECE)
        part = np.zeros((len(chosen[piece]), len(gram)), dtype=np.float32)
        for start, stop, name in zip(starts, starts[1:], categories, strict=False):
            known = np.flatnonzero(codes[name][piece] < stop - start)
            part[known, start + codes[name][piece][known]] = 1.0
        for place, (name, steps) in enumerate(numbers.items(), start=starts[-1]):
            part[:, place] = steps[codes[name][piece]] / STEPS
        gram += part.T @ part
    return gram, len(chosen)


def _ladder(rows: NDArray[np.int8], built: JointReference, blocks: RowBlocks) -> tuple[Block, ...]:
    past, d = built.moments, len(built.features)
    means = BlockMeans(d * d, blocks.complete)
    total = np.zeros(d * d)
    for window, run in blocks.runs():
        psi = _influence_sums(symmetric(sums_of(rows[:, run]), d), past).ravel()
        means.add(window, psi, run.stop - run.start)
        total += psi
    own = [
        (np.arange(feature * d, (feature + 1) * d), null)
        for feature, null in enumerate(built.nulls)
        if null.first > VARIES
    ]
    return means.ladder(total / rows.shape[1], own)


def _influence_sums(matrix: NDArray[np.float64], past: Moments) -> NDArray[np.float64]:
    """Sums of the influences of the rows behind a matrix of sums, shape (d, d)."""
    first = matrix[0, 1:]
    centred = matrix[1:, 1:] - np.outer(past.mean, first) - np.outer(first, past.mean)
    centred += matrix[0, 0] * np.outer(past.mean, past.mean)
    spread = _spread(past)
    products = centred / np.outer(spread, spread)
    squares = np.diag(products)
    influence: NDArray[np.float64] = (
        products - past.correlation * np.add.outer(squares, squares) / 2
    )
    np.fill_diagonal(influence, 0.0)
    return influence


def _standard(rows: NDArray[np.int8], past: Moments) -> NDArray[np.float64]:
    standard: NDArray[np.float64] = (rows / STEPS - past.mean) / _spread(past)
    return standard * (past.variance > VARIES)


def _spread(past: Moments) -> NDArray[np.float64]:
    spread: NDArray[np.float64] = np.sqrt(np.where(past.variance > VARIES, past.variance, 1.0))
    return spread


def _tells(n: int, *, fitted: bool) -> NDArray[np.bool_]:
    """Which rows tell what the correlations are: those that no score was fitted on."""
    if not fitted or n < 2 * _RUN:
        return np.ones(n, dtype=bool)
    tells: NDArray[np.bool_] = np.arange(n) // _RUN % 2 == 1
    return tells


def _codes(feature: FeatureReference, column: Column) -> NDArray[np.integer[Any]]:
    return feature.bins.codes(column.values, column.dictionary)


def _padded(scores: NDArray[np.float64], feature: FeatureReference) -> Steps:
    steps = np.zeros(feature.bins.size, dtype=np.int64)
    steps[: len(scores)] = whole_steps(scores)
    return steps


def _is_category(feature: FeatureReference) -> bool:
    return isinstance(feature.bins, CategoryBins)

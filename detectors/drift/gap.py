"""The gap between two distribution functions, from the rows and the mean place in each piece.

With shares q (window) and f (reference) and edges a < b of a piece, the gap G - F at its edges is
known, and so is its integral over the piece, because the integral of a distribution function is

    b G(b) - a G(a) - (sum of x in the piece) / n.

Nothing else is needed where the gap keeps its sign within the piece. Where it may change it, and
where it may be largest inside, both samples are laid evenly over that part of the piece which their
mean allows: [0, 2 t] of its width for a mean place t below the middle, [2 t - 1, 1] above.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from governance.algebra.pieces import Pieces

    Floats = NDArray[np.float64]

_NARROWEST = 1e-9  # of a piece's width: rows that are all at one place


@dataclass(frozen=True, slots=True)
class Line:
    """The reference of F features, each a row of P pieces; shorter ones are filled up with zeros.

    ``below`` and ``above`` reach from the piece's edges to the mean of the reference's rows in it,
    in sd; they are 0 towards the open ends. All but the last have shape (F, P).
    """

    share: Floats
    below: Floats
    above: Floats
    null_constant: Floats  # (F,)
    between_means: Floats = field(init=False)  # to the next one's, in sd; 0 for the last
    closed: NDArray[np.bool_] = field(init=False)  # wide, and not open
    lean: Floats = field(init=False)  # 1 - 2 x the mean's place in its piece
    per_width: Floats = field(init=False)  # 1 / width where closed, else 0
    support: Floats = field(init=False)  # of the reference, shape (2, F, P)

    def __post_init__(self) -> None:
        following = np.pad(self.below[:, 1:], ((0, 0), (0, 1)))
        object.__setattr__(self, "between_means", self.above + following)
        closed = (self.below > 0) & (self.above > 0)
        object.__setattr__(self, "closed", closed)
        per_width = np.where(closed, 1 / np.where(closed, self.width, 1.0), 0.0)
        object.__setattr__(self, "per_width", per_width)
        object.__setattr__(self, "lean", (self.above - self.below) * per_width)
        object.__setattr__(self, "support", _support(self.below * per_width))

    @property
    def width(self) -> Floats:
        """Of each piece, in sd."""
        return np.asarray(self.below + self.above)


@dataclass(frozen=True, slots=True)
class Gap:
    """W windows of F features against a ``Line``.

    ``share`` holds the windows' shares of pieces, ``moved`` the sum of (x - mean) / sd in a piece
    over the window's rows, where mean is the reference's; ``before`` and ``after`` the gap at the
    lower and the upper edge. All have shape (W, F, P).
    """

    line: Line
    share: Floats
    moved: Floats
    before: Floats
    after: Floats

    @property
    def area(self) -> Floats:
        """Integral of the gap over each piece, in sd."""
        line = self.line
        return np.asarray(line.above * self.after + line.below * self.before - self.moved)

    def absolute_area(self) -> Floats:
        """Integral of the absolute gap over each piece, in sd."""
        area = np.abs(self.area)
        same_sign = self.before * self.after > 0
        far = np.minimum(np.abs(self.before), np.abs(self.after)) >= self._wander
        at = np.nonzero(self.line.closed & ~(same_sign & far))
        width = self.line.width[at[1:]]
        # No less than the integral itself: a mean place is known to a step only.
        area[at] = np.maximum(area[at], width * _absolute_area(*self._inside(at)))
        return area

    def largest(self) -> Floats:
        """The largest absolute gap of each window and feature, shape (W, F)."""
        at_edges = np.abs(self.after).max(axis=-1)
        reach = np.maximum(np.abs(self.before), np.abs(self.after)) + self._wander
        at = np.nonzero((reach > at_edges[..., None]) & self.line.closed)
        inside = np.abs(self._inside(at)[1]).max(axis=0)
        largest = at_edges.copy()
        np.maximum.at(largest, at[:-1], inside)
        return np.asarray(largest)

    @property
    def _wander(self) -> Floats:
        """How far the gap can be inside a piece from the straight line between its edges."""
        line = self.line
        bend = np.abs(self.share * line.lean - self.moved * (2 * line.per_width))
        bend += line.share * np.abs(line.lean)
        return np.asarray(bend)

    def _inside(self, at: tuple[NDArray[np.intp], ...]) -> tuple[Floats, Floats]:
        """Four places from edge to edge of the chosen pieces, in widths, and the gap at each.

        Between them, where one of the samples begins or ends, the gap is a straight line.
        """
        piece = at[1:]
        q, f, per_width = self.share[at], self.line.share[piece], self.line.per_width[piece]
        moved = self.moved[at] / np.where(q > 0, q, 1.0)  # 0 where there is no row
        mean_place = (self.line.below[piece] + moved) * per_width
        window, reference = _support(mean_place), self.line.support[:, piece[0], piece[1]]
        one, other = _inner_end(window), _inner_end(reference)
        places = np.zeros((4, len(q)))
        places[1], places[2], places[3] = np.minimum(one, other), np.maximum(one, other), 1.0
        gap = np.empty_like(places)
        gap[0], gap[3] = self.before[at], self.after[at]
        gap[1:3] = gap[0] + q * _filled(places[1:3], window) - f * _filled(places[1:3], reference)
        return places, gap


def line_of(features: Sequence[Pieces], null_constants: Sequence[float]) -> Line:
    """The references of F features."""
    reach = [_reach(pieces) for pieces in features]
    return Line(
        share=_rows([pieces.rows / pieces.rows.sum() for pieces in features]),
        below=_rows([below for below, _ in reach]),
        above=_rows([above for _, above in reach]),
        null_constant=np.array(null_constants),
    )


def gap_between(rows: Floats, moved: Floats, line: Line) -> Gap:
    """The gap of windows with ``rows`` in each piece, shape (W, F, P), to the reference.

    ``moved`` are sums of (x - mean) / sd over these rows. A feature without a row in a window is
    taken for the reference.
    """
    n = rows.sum(axis=-1, keepdims=True)
    one_over_n = np.where(n > 0, 1 / np.where(n > 0, n, 1.0), 0.0)
    share = rows * one_over_n if n.all() else np.where(n > 0, rows * one_over_n, line.share)
    step = share - line.share
    after = np.cumsum(step, axis=-1)
    return Gap(line, share, moved * one_over_n, after - step, after)


def _reach(pieces: Pieces) -> tuple[Floats, Floats]:
    """From each piece's mean to its edges, in sd; 0 where it has none."""
    edges, mean, sd = pieces.bins.edges, pieces.mean, pieces.bins.sd
    below, above = (mean[1:] - edges) / sd, (edges - mean[:-1]) / sd
    return np.append(0.0, below), np.append(above, 0.0)


def _rows(features: Sequence[Floats]) -> Floats:
    longest = max(len(each) for each in features)
    return np.array([np.pad(each, (0, longest - len(each))) for each in features])


def _support(mean: Floats) -> Floats:
    """Both ends of the part of [0, 1] that rows of this mean place are laid over, shape (2, n)."""
    twice = 2 * mean
    ends = np.stack([twice - 1, twice])
    np.clip(ends[0], 0.0, 1 - _NARROWEST, out=ends[0])
    np.clip(ends[1], _NARROWEST, 1.0, out=ends[1])
    return ends


def _inner_end(support: Floats) -> Floats:
    """The end that is not the piece's own."""
    return np.asarray(np.where(support[0] > 0, support[0], support[1]))


def _filled(places: Floats, support: Floats) -> Floats:
    """Share of evenly laid rows up to each place."""
    low, high = support
    filled = places - low
    filled /= high - low
    return np.asarray(np.clip(filled, 0.0, 1.0, out=filled))


def _absolute_area(places: Floats, gap: Floats) -> Floats:
    """Integral of a piecewise linear function's absolute value, shape (n,)."""
    size = np.abs(gap)
    both = size[:-1] + size[1:]
    crossed = gap[:-1] * gap[1:] < 0
    triangles = (size[:-1] ** 2 + size[1:] ** 2) / np.where(crossed, both, 1.0)
    mean = np.where(crossed, triangles, both) / 2
    return np.asarray((np.diff(places, axis=0) * mean).sum(axis=0))

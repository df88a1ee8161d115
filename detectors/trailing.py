"""Trailing windows: the last 1, 2, 4 ... 64 panes, each a sum of panes.

Families without a reference (fairness, limits) look at these lengths, however few panes there
are yet, and spend their error evenly over all of them (STATISTICS 1.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from detectors.base import WindowView
    from governance.algebra.packed import TrailingSums
    from governance.algebra.sums import Sums

LENGTHS = (1, 2, 4, 8, 16, 32, 64)
DISPLAY_ERROR = 0.025  # one-sided error of the bounds that a finding shows
_WARNING_EVERY = 20


@dataclass(frozen=True, slots=True)
class Trailing:
    """The sums of the last ``panes`` panes, as far as one family of checks reads them."""

    panes: int
    sums: Sums
    outcomes: Sums


def trailing_windows(view: WindowView, prefix: str, unit: int = 1) -> Iterator[Trailing]:
    """The ladder of a view, shortest first; only arrays whose name starts with ``prefix``.

    ``unit`` panes make one window (``windows.slide``), so lengths are multiples of it; there is no
    window before the first is full.
    """
    lengths = [k * unit for k in LENGTHS if k * unit <= len(view.panes)]
    if not lengths:
        return
    sums = _stacks(view.trailing(lengths), prefix)
    outcomes = _stacks(view.trailing_outcomes(lengths), prefix)
    for row, length in enumerate(lengths):
        yield Trailing(length, _row(sums, row), _row(outcomes, row))


def seen(view: WindowView, name: str) -> bool:
    """Whether any pane has an array of that name: a quick look before a ladder is added up."""
    return any(name in pane.sums for pane in view.panes)


def error_levels(false_alarm_every: int, judged: int) -> tuple[float, float]:
    """One-sided errors of a single look that make a breach and a warning.

    ``judged`` checks and ``LENGTHS`` share the one false breach in ``false_alarm_every`` windows
    (Bonferroni); a warning asks for 1 in 20 per check.
    """
    looks = len(LENGTHS)
    return 1 / (false_alarm_every * judged * looks), 1 / (_WARNING_EVERY * looks)


def _stacks(trailing: TrailingSums, prefix: str) -> dict[str, tuple[int, NDArray[np.int64]]]:
    """Of each array the first row that has it, and its sums in all rows."""
    stacks = {}
    for name in trailing.names:
        stack = trailing.get(name) if name.startswith(prefix) else None
        if stack is not None:
            stacks[name] = (trailing.since(name), stack)
    return stacks


def _row(stacks: Mapping[str, tuple[int, NDArray[np.int64]]], row: int) -> Sums:
    return {name: stack[row] for name, (since, stack) in stacks.items() if row >= since}

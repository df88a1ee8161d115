"""What a version's panes add up to since its first one, those that are long forgotten included.

Events count from the moment in which their window closes, labels from that in which their window
has had all its labels: both follow from the log alone, and no late label has to find its way back.
Totals begin anew with a spec that starts a new ladder, and where detectors ask for more arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from detectors.panes import UNUSABLE
from governance.algebra.packed import pack, unpack
from governance.algebra.sums import merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from detectors.base import Detector
    from detectors.panes import PaneState
    from governance.algebra.sums import Sums
    from governance.event import EventBatch


@runtime_checkable
class Lasting(Protocol):
    """A detector that also reports on all panes since a version's first."""

    @property
    def lasting(self) -> str:
        """How the names of its arrays begin."""


@dataclass(frozen=True, slots=True)
class SinceRollout:
    """The totals as detectors read them.

    ``panes`` closed since ``start_us`` and their ``events`` are in ``sums``; ``outcomes`` are of
    the ``mature`` panes among them, whose labels are complete.
    """

    start_us: int
    panes: int
    mature: int
    events: int
    sums: Sums
    outcomes: Sums


@dataclass(slots=True)
class Rollout:
    """The totals of one version; ``names`` are the arrays that its detectors were asked for."""

    prefixes: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    start_us: int | None = None
    panes: int = 0
    mature: int = 0
    events: int = 0
    sums: Sums = field(default_factory=dict)
    outcomes: Sums = field(default_factory=dict)

    @classmethod
    def of(cls, detectors: Iterable[Detector], probe: EventBatch) -> Rollout:
        """Nothing yet; ``probe`` is one labelled event that shows which arrays there will be."""
        lasting = [d for d in detectors if isinstance(d, Lasting)]
        names = [name for d in lasting for name in (*d.add(probe), *d.add_outcomes(probe))]
        return cls(tuple(d.lasting for d in lasting), frozenset(names))

    def close(self, pane: PaneState) -> None:
        """Add the events of a pane that closes; its sums are complete and not yet packed."""
        if not self.prefixes:
            return
        self.start_us = pane.start_us if self.start_us is None else self.start_us
        self.panes += 1
        self.events += pane.events - pane.lost.get(UNUSABLE, 0)
        self.sums = merge([self.sums, self._kept(pane.sums)])

    def ripen(self, pane: PaneState) -> None:
        """Add the labelled events of a pane that no further label can change."""
        if not self.prefixes:
            return
        self.mature += 1
        self.outcomes = merge([self.outcomes, self._kept(pane.view().outcomes)])

    def view(self) -> SinceRollout | None:
        """The totals; None before the first pane has closed."""
        if self.start_us is None:
            return None
        return SinceRollout(
            self.start_us, self.panes, self.mature, self.events, self.sums, self.outcomes
        )

    def to_builtins(self) -> list[Any]:
        """The totals, for the register."""
        totals = [pack(self.sums), pack(self.outcomes)]
        return [sorted(self.names), self.start_us, self.panes, self.mature, self.events, *totals]

    def restore(self, stored: list[Any]) -> None:
        """Take over what ``to_builtins`` gave, if it has all the arrays that are asked for."""
        names, start_us, panes, mature, events, sums, outcomes = stored
        if self.names <= frozenset(names):
            self.start_us, self.panes, self.mature, self.events = start_us, panes, mature, events
            self.sums, self.outcomes = unpack(sums), unpack(outcomes)

    def followed_by(self, other: Rollout) -> Rollout:
        """These totals, if they have all the arrays that ``other`` asks for; else ``other``."""
        if not other.names or not other.names <= self.names:
            return other
        return replace(self, prefixes=other.prefixes, names=other.names)

    def _kept(self, sums: Mapping[str, NDArray[np.int64]]) -> Sums:
        return {name: array for name, array in sums.items() if name.startswith(self.prefixes)}

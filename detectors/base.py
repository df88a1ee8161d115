"""The contract of a detector.

A detector says which arrays it adds up over events and over labelled events, and how it reads
verdicts out of trailing panes. It writes no loop over the stream, no storage and no locking: the
runner codes, windows, joins labels, merges and stores.

One detector object exists per (component, version, generation). It is immutable: ``add``,
``add_outcomes`` and ``judge`` are pure functions of their arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from governance.algebra.packed import TrailingSums

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from detectors.reference import Reference
    from detectors.rollout import SinceRollout
    from detectors.stats.rate_change import Change
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch
    from governance.finding import Verdict


@dataclass(frozen=True, slots=True)
class Pane:
    """The sums of one pane of one version.

    ``sums`` come from events, ``outcomes`` from labelled events. ``events`` counts the events of
    the version in this pane; ``lost_share`` is the lost part of what was accepted, in [0, 1].
    """

    number: int
    start_us: int
    end_us: int
    events: int
    sums: Mapping[str, NDArray[np.int64]]
    outcomes: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    lost_share: float = 0.0
    partial: bool = False


@dataclass(frozen=True, slots=True)
class WindowView:
    """What a detector may look at: trailing panes, oldest first; the last one is judged.

    ``panes`` are consecutive and at most as many as the longest ladder length has; a pane without
    events is present with empty sums. ``vocabulary`` gives, per group attribute, the names behind
    the stable codes in which group columns reach ``add``; it only grows. ``labels_mature`` is
    False until the newest pane's end + labelHorizon; label-based verdicts are then
    ``insufficient`` with reason ``provisional until T`` and carry value and bounds. ``changes``
    gives, per series of which the newest pane is a point (``detectors.points.PointSource``), how
    unusual it is against the history of the version; empty where the pane is no point.
    """

    panes: Sequence[Pane]
    vocabulary: Mapping[str, tuple[str, ...]]
    labels_mature: bool = False
    provisional_until: str = ""  # RFC 3339, for the reason
    since_rollout: SinceRollout | None = None  # of the newest window only (``detectors.rollout``)
    changes: Mapping[str, Change] = field(default_factory=dict)
    _added: dict[tuple[str, tuple[int, ...]], TrailingSums] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def trailing(self, lengths: Sequence[int]) -> TrailingSums:
        """Sums over the last ``lengths`` panes, added up once for all who ask."""
        return self._trailing("sums", tuple(lengths))

    def trailing_outcomes(self, lengths: Sequence[int]) -> TrailingSums:
        """As ``trailing``, of labelled events."""
        return self._trailing("outcomes", tuple(lengths))

    def _trailing(self, kind: str, lengths: tuple[int, ...]) -> TrailingSums:
        if (kind, lengths) not in self._added:
            parts = [getattr(pane, kind) for pane in self.panes]
            self._added[kind, lengths] = TrailingSums(parts, lengths)
        return self._added[kind, lengths]


class Detector(Protocol):
    """One family of checks of one component version."""

    def add(self, batch: EventBatch) -> Sums:
        """Arrays of one batch, all of whose events lie in one pane.

        Group columns hold stable codes (see ``WindowView.vocabulary``), -1 for no group.
        """

    def add_outcomes(self, batch: EventBatch) -> Sums:
        """Arrays of labelled events of one pane.

        Columns: ``favourable`` (predicted, i1), ``label`` (i1: 1 favourable, 0 not), ``score``
        (bin centre, NaN unknown), ``group.<attribute>`` (stable codes), ``weight``. A corrected
        label is one subtraction and one addition by the runner.
        """

    def judge(self, view: WindowView) -> list[Verdict]:
        """Verdicts on the newest pane; called once when it closes and again per revision."""


class Factory(Protocol):
    """Makes the detector of a component, or None where nothing is declared for it."""

    def __call__(
        self,
        component: Component,
        reference: Reference | None,
        *,
        keyed: Callable[[str, str], str] | None = None,
    ) -> Detector | None:
        """``reference`` is that of the version that will be judged; None = there is none.

        ``keyed`` gives the keyed code of (attribute or feature, value) where values travel as
        such; None = values travel as they are.
        """

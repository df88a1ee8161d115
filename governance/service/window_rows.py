"""Which rows of a recorded file are in which window: counted by the state machine itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.catalog import make_detectors
from detectors.raw_rows import ROW, keep, kept

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.base import Detector, Pane, WindowView
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch
    from governance.finding import Verdict

_NAME = "window_rows"


@dataclass(frozen=True, slots=True)
class WindowRows:
    """One window of one version, and the numbers of its rows in the file, rising from 0."""

    version: str
    pane: Pane
    rows: NDArray[np.int64]


class WindowRowsSeen:
    """All windows of a replay that hold events: give ``make`` to it, then look at ``windows``."""

    def __init__(self) -> None:
        self.windows: dict[tuple[str, int], WindowRows] = {}

    def make(self, component: Component, reference: Reference | None) -> tuple[Detector, ...]:
        """The detectors of production, and one that only notes rows."""
        said = None if reference is None else reference.version
        version = said or component.spec.model.version
        return (*make_detectors(component, reference), _Noting(version, self.windows))


class _Noting:
    """A detector without a verdict."""

    def __init__(self, version: str, windows: dict[tuple[str, int], WindowRows]) -> None:
        self._version = version
        self._windows = windows

    def add(self, batch: EventBatch) -> Sums:
        return keep(_NAME, batch, ())

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - the contract of a detector
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        pane = view.panes[-1]
        rows = kept(_NAME, pane.sums).get(ROW)
        if rows is not None:
            found = WindowRows(self._version, pane, rows.values)
            self._windows[self._version, pane.number] = found
        return []

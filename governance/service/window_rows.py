"""Which rows of a recorded file are in which window: counted by the state machine itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.catalog import make_detectors
from detectors.raw_rows import ROW, keep, kept
from governance.component.nearest import listed
from governance.errors import ConfigError
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from detectors.base import Detector, Pane, WindowView
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch
    from governance.finding import Finding, Verdict

    Windows = Mapping[tuple[str, int], "WindowRows"]

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


def most_telling(
    windows: Windows, findings: Iterable[Finding], version: str | None = None
) -> tuple[WindowRows, str]:
    """The first window in breach, else the last one, and in words why it is that one.

    Parameters
    ----------
    windows
        All that hold events.
    findings
        Their last revisions, in the order in which they first came.
    version
        Whose windows; None = of any.

    Raises
    ------
    ConfigError
        If the version has no window.
    """
    for finding in findings:
        verdict, place = finding.verdict, (finding.version, finding.window.number)
        fits = version in {None, finding.version} and place in windows
        if fits and verdict.status is Status.BREACH:
            what = f"{verdict.check} {verdict.subject}".strip()
            return windows[place], f"the first in breach, {what}: {verdict.reason}"
    own = [window for window in windows.values() if version in {None, window.version}]
    if not own:
        raise ConfigError(f"no window of version {version!r} holds an event")
    return own[-1], "the last one, none is in breach"


def window_of(windows: Windows, number: int, version: str | None, usual: str) -> WindowRows:
    """The window of a number: of ``version``, else of the only one, else of the ``usual`` version.

    Raises
    ------
    ConfigError
        If there is none; the message lists what there is.
    """
    versions = {window.version: window for (_, n), window in windows.items() if n == number}
    if version is None and len(versions) == 1:
        return next(iter(versions.values()))
    wanted = usual if version is None else version
    if wanted in versions:
        return versions[wanted]
    if versions:
        raise ConfigError(
            f"window {number} is of version {listed(versions)}, not of {wanted!r}: say --version"
        )
    numbers = sorted({n for _, n in windows})
    raise ConfigError(
        f"window {number} holds no event; windows with events: {listed(map(str, numbers))}"
    )


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

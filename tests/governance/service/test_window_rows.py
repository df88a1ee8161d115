"""Which rows are in which window: those that the findings counted, to the single event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from governance.service.cli.flags import one_component
from governance.service.references import measure_rows
from governance.service.replay import Replay
from governance.service.window_rows import WindowRowsSeen
from tests.governance.service.cli.recorded import write_component, write_rows

if TYPE_CHECKING:
    from pathlib import Path

WINDOWS = {
    "counted": "events: 300",
    "by time": "every: 1h",
    "sliding": "every: 2h, slide: 1h",
}


def write_traffic(folder: Path, n: int = 2_000) -> Path:
    """Rows of two versions, a minute apart, some far too late and some without a time."""
    rng = np.random.default_rng(3)
    lines = []
    for i in range(n):
        minute = i - 500 if i % 97 == 0 else i
        at = "" if i % 101 == 0 else f"{60 * max(minute, 0)}"
        version = "8" if i > 700 and rng.random() < 0.4 else "7"
        lines.append(f"{i},{rng.normal():.4f},{'abc'[i % 3]},{'fm'[i % 2]},{i % 2},{at},{version}")
    path = folder / "rows.csv"
    path.write_text("id,income,job,sex,decision,at,release\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("windows", WINDOWS)
def test_rows_are_those_that_the_findings_counted(tmp_path: Path, windows: str) -> None:
    """Every window of every version has as many rows as its findings say events, and no row twice.

    What is late or has no time is in none.
    """
    changes = {
        "monitoring: {windows: {events: 1000}}": f"monitoring: {{windows: {{{WINDOWS[windows]}}}}}",
        "    prediction: column:decision": "    prediction: column:decision\n    time: column:at\n"
        "    version: column:release",
        "exclude: [sex, at]": "exclude: [sex, at, release]",
    }
    component = one_component(write_component(tmp_path, **changes)).component
    reference = measure_rows(write_rows(tmp_path, "reference.csv", n=2_000), component)
    seen = WindowRowsSeen()
    replay = Replay(component, write_traffic(tmp_path), reference, make=seen.make)
    drift = [finding for finding in replay.findings() if finding.verdict.check == "drift"]
    events = {(f.version, f.window.number): f.verdict.events for f in drift}
    counted = {place: n for place, n in events.items() if n}
    assert {place: len(w.rows) for place, w in seen.windows.items()} == counted
    rows = np.concatenate([window.rows for window in seen.windows.values()])
    assert len(np.unique(rows)) == len(rows) == replay.tally.counts["events"]
    assert len(rows) + replay.tally.counts["late"] == replay.tally.rows
    assert {version for version, _ in seen.windows} == {"7", "8"}


def test_counted_windows_are_slices_of_the_file(tmp_path: Path) -> None:
    """Of one version in file order: rows 0 to 999 are window 0, and so on."""
    component = one_component(write_component(tmp_path)).component
    reference = measure_rows(write_rows(tmp_path, "reference.csv", n=2_000), component)
    seen = WindowRowsSeen()
    rows = write_rows(tmp_path, "rows.csv", n=2_500)
    list(Replay(component, rows, reference, make=seen.make).findings())
    found = [(number, w.rows[0], w.rows[-1]) for (_, number), w in seen.windows.items()]
    assert found == [(0, 0, 999), (1, 1_000, 1_999), (2, 2_000, 2_499)]

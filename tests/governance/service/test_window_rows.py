"""Which rows are in which window: those that the findings counted, to the single event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.base import Pane
from governance.component.key import ComponentKey
from governance.errors import ConfigError
from governance.finding import Finding, Status, Verdict, Window
from governance.service.cli.flags import one_component
from governance.service.references import measure_rows
from governance.service.replay import Replay
from governance.service.window_rows import WindowRows, WindowRowsSeen, most_telling, window_of
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


def windows_of(*places: tuple[str, int]) -> dict[tuple[str, int], WindowRows]:
    return {
        (version, number): WindowRows(version, Pane(number, 0, 1, 1, {}), np.zeros(1, np.int64))
        for version, number in places
    }


def finding(number: int, status: Status, version: str = "7") -> Finding:
    window = Window("events", number, 0, 1)
    verdict = Verdict("drift", "age", status, "changed: it rose")
    return Finding(ComponentKey("default", "credit"), version, 1, window, verdict)


def test_the_first_breach_is_the_most_telling() -> None:
    """A warning is none; without a breach it is the last window, and the words say which."""
    windows = windows_of(("7", 0), ("7", 1), ("8", 1), ("7", 2))
    found = [finding(0, Status.WARNING), finding(1, Status.BREACH, "8"), finding(2, Status.BREACH)]
    chosen, why = most_telling(windows, found)
    assert (chosen.version, chosen.pane.number) == ("8", 1)
    assert why == "the first in breach, drift age: changed: it rose"
    chosen, _ = most_telling(windows, found, "7")
    assert (chosen.version, chosen.pane.number) == ("7", 2)
    chosen, why = most_telling(windows, found[:1])
    assert (chosen.pane.number, why) == (2, "the last one, none is in breach")
    with pytest.raises(ConfigError, match="'9'"):
        most_telling(windows, found, "9")


def test_a_window_is_found_by_its_number() -> None:
    """Of the named version, the only one, or the declared one; else what there is is listed."""
    windows = windows_of(("7", 0), ("6", 1), ("7", 2), ("8", 2))
    assert window_of(windows, 1, None, "7").version == "6"
    assert window_of(windows, 2, None, "7").version == "7"
    assert window_of(windows, 2, "8", "7").version == "8"
    with pytest.raises(ConfigError, match="say --version"):
        window_of(windows, 2, None, "9")
    with pytest.raises(ConfigError, match="windows with events: 0, 1, 2"):
        window_of(windows, 5, None, "7")

"""Evidently's page of one window: its rows against those of the reference.

FILE is recorded traffic as replay reads it; the reference must be a file of rows, for a profile has
none. The window is --window, else the first one in breach, else the last one. The page is one HTML
file that fetches nothing; it shows values of the rows, so treat it like the files.

Needs the extra: pip install 'evenhand[evidently]'. Exit codes: 0 written, 2 wrong usage, component
or file, or Evidently is not installed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.evidently import load, page
from detectors.profile import is_profile
from governance.clock import format_instant
from governance.component.baseline import baseline_path
from governance.errors import ConfigError
from governance.service.cli.flags import add_component_flag, one_component
from governance.service.cli.progress import Progress
from governance.service.references import measure_rows
from governance.service.replay import Replay
from governance.service.samples import read_sample, roles_of, values_of
from governance.service.window_rows import WindowRowsSeen, most_telling, window_of

if TYPE_CHECKING:
    import argparse

    from governance.component.load import LoadedComponent
    from governance.component.schema import Component
    from governance.finding import Finding
    from governance.service.window_rows import WindowRows

_HEAD_BYTES = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("file", type=Path, metavar="FILE", help="recorded traffic")
    add_component_flag(parser)
    parser.add_argument(
        "--reference", type=Path, metavar="FILE", help="rows, in place of spec.baseline.uri"
    )
    parser.add_argument(
        "--window",
        type=int,
        metavar="N",
        help="number of the window, as findings have it (default: the first in breach, else the "
        "last)",
    )
    parser.add_argument(
        "--version", metavar="V", help="model version, where several have that window"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="HTML", required=True, help="file to write"
    )


def run(options: argparse.Namespace) -> int:
    """Replay, choose a window, let Evidently compare its rows, and write the page."""
    loaded = one_component(options.component)
    component, past_file = loaded.component, _reference_file(loaded, options.reference)
    _check_output(options.output)
    load()  # what is missing is said before a long replay
    reference = measure_rows(past_file, component, warn=_say)
    seen = WindowRowsSeen()
    replay = Replay(component, options.file, reference, make=seen.make)
    findings = _replayed(replay)
    usual = component.spec.model.version
    if options.window is None:
        chosen, why = most_telling(seen.windows, findings, options.version)
    else:
        chosen = window_of(seen.windows, options.window, options.version, usual)
        why = "--window"
    window = read_sample(options.file, component, reference, chosen.rows)
    past = read_sample(past_file, component, reference)
    roles, sources = roles_of(component, reference, window, past)
    text = page(
        values_of(window, roles, sources),
        values_of(past, roles, sources),
        roles,
        heading=_heading(component, chosen, past_file, reference.rows),
    )
    _write(options.output, text)
    print(f"{options.output}: window {chosen.pane.number} of version {chosen.version} ({why})")
    return 0


def _reference_file(loaded: LoadedComponent, explicit: Path | None) -> Path:
    path = explicit or baseline_path(loaded.component, loaded.file)
    if path is None:
        raise ConfigError("there is nothing to compare with: name a file of rows by --reference")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if is_profile(head):
        raise ConfigError(
            f"{path}: is a profile, which holds counts and no rows: name the file of rows that it "
            "was built from by --reference"
        )
    return path


def _replayed(replay: Replay) -> list[Finding]:
    last: dict[str, Finding] = {}
    bar = Progress("replay")
    try:
        for finding in replay.findings(bar):
            last[finding.id] = finding
    finally:
        bar.clear()
        for line in replay.tally.left_out:
            _say(line)
    return list(last.values())


def _heading(component: Component, chosen: WindowRows, past: Path, rows: int) -> str:
    pane, span = chosen.pane, ""
    if component.spec.signals.time is not None:
        span = f", {format_instant(pane.start_us)} to {format_instant(pane.end_us)}"
    return (
        f"{component.key}, version {chosen.version}: window {pane.number} "
        f"({len(chosen.rows):,} rows{span}) against {past.name} ({rows:,} rows). Drift here is "
        "by Evidently's own rules, without Evenhand's promise about false alarms."
    )


def _check_output(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.absolute().parent}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None


def _say(words: str) -> None:
    print(words, file=sys.stderr)

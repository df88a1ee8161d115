"""Recorded traffic through the same detectors as live traffic.

FILE is CSV, JSONL or Parquet; spec.signals says which column is what. File order is log order.
Exit codes: 0 nothing breached, 1 a breach in the last revision of a finding, 2 wrong usage,
component or file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from governance.component.drift_tests import declared_evidently
from governance.finding import Status
from governance.service.cli.flags import add_traffic_flags, one_component
from governance.service.cli.progress import Progress
from governance.service.cli.tables import tables
from governance.service.references import resolve_reference
from governance.service.replay import Replay

if TYPE_CHECKING:
    import argparse

    from detectors.reference import Reference
    from governance.component.load import LoadedComponent
    from governance.finding import Finding
    from governance.service.replay import Tally


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("file", type=Path, metavar="FILE", help="recorded traffic")
    add_traffic_flags(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print every revision of every finding, one JSON object a line",
    )


def run(options: argparse.Namespace) -> int:
    """Replay and report; 1 if a finding's last revision is a breach."""
    loaded = one_component(options.component)
    reference = reference_of(loaded, options.reference)
    replay = Replay(loaded.component, options.file, reference, options.labels)
    last = _replayed(replay, json_lines=options.json)
    if not options.json:
        print("\n".join(tables(list(last.values()))))
    say_tally(replay.tally)
    breached = any(finding.verdict.status is Status.BREACH for finding in last.values())
    return 1 if breached else 0


def reference_of(loaded: LoadedComponent, explicit: Path | None) -> Reference | None:
    """The reference of a command that has raw rows; it keeps its own where tests want them."""
    component = loaded.component
    tests = sorted(set(declared_evidently(component.spec.monitoring.drift).values()))
    reference = resolve_reference(
        component, loaded.file, explicit, warn=_say, keep_rows=bool(tests)
    )
    if tests and reference is not None:
        _say(f"{', '.join(tests)}: {_NO_ROWS if reference.raw is None else _COST}")
    return reference


_NO_ROWS = (
    "the reference is a profile and has no rows, so Evenhand's own tests judge in their place; "
    "name a file of rows by --reference"
)
_COST = (
    "Evidently takes 5 to 15 s to load, then some 0.1 s a window and feature at 50,000 reference "
    "rows (TVD: 20 s)"
)


def _replayed(replay: Replay, *, json_lines: bool) -> dict[str, Finding]:
    """The last revision of every finding, by id, in the order in which they first came."""
    last: dict[str, Finding] = {}
    bar = Progress("replay")
    try:
        for finding in replay.findings(bar):
            last[finding.id] = finding
            if json_lines:
                print(json.dumps(finding.to_json()))
    finally:
        bar.clear()
    return last


def say_tally(tally: Tally) -> None:
    """Say on stderr what was read, and what was left out."""
    for line in tally.left_out:
        _say(line)
    counts = tally.counts
    parts = [f"{tally.rows:,} events"]
    parts += [f"{counts[name]:,} {words}" for name, words in _WORDS.items() if counts[name]]
    _say(", ".join(parts))


_WORDS = {
    "late": "late",
    "duplicate_events": "repeated",
    "ids_reused": "with an id used before",
    "labels_joined": "labels joined",
    "labels_repeated": "labels repeated",
    "labels_orphaned": "labels met no event",
    "labels_unusable": "labels unusable",
}


def _say(words: str) -> None:
    print(words, file=sys.stderr)

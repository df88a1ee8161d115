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

from governance.finding import Status
from governance.service.cli.flags import add_component_flag, one_component
from governance.service.cli.progress import Progress
from governance.service.cli.report import report
from governance.service.references import resolve_reference
from governance.service.replay import Replay

if TYPE_CHECKING:
    import argparse

    from governance.finding import Finding
    from governance.service.replay import Tally


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("file", type=Path, metavar="FILE", help="recorded traffic")
    add_component_flag(parser)
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="rows or a profile, in place of spec.baseline.uri",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="id and label, with a column time where labels have one",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print every revision of every finding, one JSON object a line",
    )


def run(options: argparse.Namespace) -> int:
    """Replay and report; 1 if a finding's last revision is a breach."""
    loaded = one_component(options.component)
    reference = resolve_reference(loaded.component, loaded.file, options.reference, warn=_say)
    replay = Replay(loaded.component, options.file, reference, options.labels)
    last = _replayed(replay, json_lines=options.json)
    if not options.json:
        print("\n".join(report(list(last.values()))))
    say_tally(replay.tally)
    breached = any(finding.verdict.status is Status.BREACH for finding in last.values())
    return 1 if breached else 0


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

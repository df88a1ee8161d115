"""The fault matrix: python -m tests.faults [--only WORDS].

Each fault has a Kafka, a PostgreSQL and workers of its own. Prints a row each, and last one line;
ends with 1 where an event is unaccounted for or a finding differs from the undisturbed ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.catalog import FAULTS
from tests.faults.scene import scene

if TYPE_CHECKING:
    from tests.faults.catalog import Fault

_HEAD = ("fault", "events", "lost, counted", "twice", "equal", "recovered", "")
_FORM = "{:<46} {:>7} {:>14} {:>6} {:>6} {:>10}  {}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--only", default="", metavar="WORDS", help="faults whose name holds them")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if options.only in fault.name]
    began, held = time.monotonic(), 0
    print(_FORM.format(*_HEAD), flush=True)  # noqa: T201 - a program
    for fault in chosen:
        holds, line = _tried(fault)
        held += holds
        print(line, flush=True)  # noqa: T201
    minutes = (time.monotonic() - began) / 60
    print(f"faults: {held} of {len(chosen)} held, in {minutes:.1f} minutes")  # noqa: T201
    return 0 if held == len(chosen) else 1


def _tried(fault: Fault) -> tuple[bool, str]:
    try:
        with tempfile.TemporaryDirectory() as folder, scene(Path(folder), **fault.setting) as there:
            row = fault.run(there)
    except (AssertionError, OSError, RuntimeError) as error:
        return False, _FORM.format(fault.name, "", "", "", "no", "", str(error).splitlines()[0])
    lost = sum(row.lost.values())
    told = (f"{row.events:,}", f"{lost:,}", row.twice, "yes" if row.equal else "no")
    remarks = "" if row.holds else f"{row.judged:,} judged; "
    line = _FORM.format(fault.name, *told, f"{row.seconds:.1f} s", remarks + row.remarks)
    return row.holds, line


if __name__ == "__main__":
    sys.exit(main())

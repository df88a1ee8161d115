"""One side of a contest: does one work as often as it is told to, and says how long it took.

    python -m benchmarks.peers.worker MODULE WORK FOLDER

runs inside the environment of the peer (or of Evenhand) from the repository's root. ``MODULE`` is a
file of this folder with ``PACKAGE`` and ``WORKS``; a work reads its rows from ``FOLDER`` and gives
the function that is measured. Each line on stdin asks for one round. Answers are lines of JSON:
first a ``Hello``, then a ``Round`` a line. What libraries print goes to stderr.

Seconds are of processor time, all threads together, of which every side may have one: what else
runs on the machine is not its fault.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    Work = Callable[[Path], Callable[[], dict[str, float]]]

ROUND_SECONDS = 0.1  # a work that is over sooner is repeated; a round is the median
THREAD_LIMITS = dict.fromkeys(
    (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
    ),
    "1",
)


class Hello(TypedDict):
    """Said once the rows are read and the library is ready."""

    version: str
    import_seconds: float


class Round(TypedDict):
    """The median of the repeats of one round, what came out, and the process's largest size."""

    seconds: float
    repeats: int
    result: dict[str, float]
    peak_bytes: int


def main(module: str, work: str, folder: Path) -> None:
    answers = _own_stdout()
    started = time.process_time()
    peer = importlib.import_module(f"benchmarks.peers.{module}")
    import_seconds = time.process_time() - started
    run = peer.WORKS[work](folder)
    _say(answers, Hello(version=version(peer.PACKAGE), import_seconds=import_seconds))
    for _ in sys.stdin:
        _say(answers, _round(run))


def _round(run: Callable[[], dict[str, float]]) -> Round:
    seconds: list[float] = []
    result: dict[str, float] = {}
    while sum(seconds) < ROUND_SECONDS:
        started = time.process_time()
        result = run()
        seconds.append(time.process_time() - started)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Round(
        seconds=median(seconds),
        repeats=len(seconds),
        result=result,
        peak_bytes=kilobytes * 1024,
    )


def _own_stdout() -> TextIO:
    """The answers' stream; whatever else is written to stdout joins stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, what: Any) -> None:
    answers.write(json.dumps(what) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

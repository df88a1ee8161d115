"""Two sides do the same work in turn, so that other load on the machine meets both alike.

Each side is a ``worker`` process with one thread, whose processor time is taken. A first round
warms up and is not counted. A ratio is the median over the pairs of rounds.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.peers.environments import ROOT
from benchmarks.peers.worker import THREAD_LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.peers.worker import Hello, Round

# Libraries that would call home are told not to.
QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


class Failed(Exception):
    """A side ended before it answered; the message holds the end of what it said."""


@dataclass(frozen=True, slots=True)
class Side:
    """A module of this folder, the interpreter that runs it, and one of its works."""

    module: str
    python: Path
    work: str


@dataclass(frozen=True, slots=True)
class Timed:
    """What one side needed: seconds of each counted round, and what came out of the last."""

    version: str
    import_seconds: float
    seconds: tuple[float, ...]
    result: Mapping[str, float]
    peak_bytes: int

    @property
    def fastest(self) -> float:
        """Seconds of the fastest round: noise of a shared machine only adds."""
        return min(self.seconds)


def contest(
    sides: Sequence[Side], folder: Path, *, rounds: int, warm_up: int = 1
) -> tuple[Timed, ...]:
    """Let the sides take turns over the rows in ``folder``.

    Raises
    ------
    Failed
        If a side ends before it has answered.
    """
    with contextlib.ExitStack() as stack:
        workers = [_Worker(side, folder) for side in sides]
        for worker in workers:
            stack.callback(worker.close)
        hellos = [worker.hello() for worker in workers]
        for _ in range(warm_up):
            for worker in workers:
                worker.round()
        found = [[worker.round() for worker in workers] for _ in range(rounds)]
    return tuple(
        _timed(hello, [turn[place] for turn in found]) for place, hello in enumerate(hellos)
    )


def ratio(slow: Timed, fast: Timed) -> float:
    """How many times as long ``slow`` takes: the median over the pairs of rounds."""
    return median(s / f for s, f in zip(slow.seconds, fast.seconds, strict=True))


class _Worker:
    """A running side."""

    def __init__(self, side: Side, folder: Path) -> None:
        self._side = side
        command = [side.python, "-m", "benchmarks.peers.worker", side.module, side.work, folder]
        self._log = (folder / f"{side.module}-{side.work}.log").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env=os.environ | THREAD_LIMITS | QUIET,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def hello(self) -> Hello:
        """Wait until the side has read its rows."""
        answer: Hello = self._answer()
        return answer

    def close(self) -> None:
        """Let it end, since nothing more is asked."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
        self._log.close()

    def round(self) -> Round:
        """Ask for one round and wait for it."""
        stdin = self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # the missing answer says it better
            if stdin is not None:
                stdin.write("\n")
                stdin.flush()
        answer: Round = self._answer()
        return answer

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self._process.wait()
            self._log.seek(0)
            said = self._log.read().strip()[-1_500:]
            raise Failed(f"{self._side.module} {self._side.work} ended without an answer:\n{said}")
        return json.loads(line)


def _timed(hello: Hello, rounds: Sequence[Round]) -> Timed:
    return Timed(
        hello["version"],
        hello["import_seconds"],
        tuple(one["seconds"] for one in rounds),
        rounds[-1]["result"],
        max(one["peak_bytes"] for one in rounds),
    )

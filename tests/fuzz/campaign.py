"""Mutated inputs by number: the same seed and number are the same input, on any machine."""

from __future__ import annotations

import faulthandler
import hashlib
import signal
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).with_name("corpus")  # inputs that once were findings
CPU_SECONDS = 5.0  # of one input; more is a hang
_HARD_SECONDS = 300.0  # of 100 inputs; then the program ends with its stack, since C code hangs
_SHARES = ("http", "http2", "bodies", "bodies", "bodies", "pictures", "sounds")


class Hang(Exception):
    """An input took longer than ``CPU_SECONDS``."""


@dataclass
class Report:
    """How many inputs went to each target, and what failed: target, number, error."""

    inputs: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[str, int, str]] = field(default_factory=list)


def run(seed: int, first: int, count: int, keep: Path | None = None) -> Report:
    """Feed the inputs ``first`` to ``first + count - 1``; findings are written to ``keep``."""
    report = Report()
    with _time_limit():
        for number in range(first, first + count):
            if number % 100 == 0:
                faulthandler.dump_traceback_later(_HARD_SECONDS, exit=True)
            target, raw, chance = make(seed, number)
            report.inputs[target] += 1
            error = feed(target, raw, chance)
            if error is not None:
                report.findings.append((target, number, error))
                if keep is not None:
                    name = f"{target}-{hashlib.sha256(raw).hexdigest()[:12]}"
                    (keep / name).write_bytes(raw)
    return report


def make(seed: int, number: int) -> tuple[str, bytes, Random]:
    """Target, bytes, and the chance that goes on with them, of one input."""
    chance = Random(f"{seed}:{number}")
    target = _SHARES[number % len(_SHARES)]
    seeds = TARGETS[target][0]()
    return target, mutate(chance.choice(seeds), chance, seeds), chance


def feed(target: str, raw: bytes, chance: Random) -> str | None:
    """What went wrong, if anything did."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        TARGETS[target][1](raw, chance)
    except Exception as error:  # noqa: BLE001 - findings are what is looked for
        return f"{type(error).__name__}: {error}"[:2_000]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


@contextmanager
def _time_limit() -> Iterator[None]:
    def hang(*_: object) -> None:
        raise Hang(f"more than {CPU_SECONDS:g} s of CPU")

    before = signal.signal(signal.SIGPROF, hang)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGPROF, before)

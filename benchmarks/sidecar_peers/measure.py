"""One load on one subject: rate, processor time, memory, and how much was captured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.sidecar_peers.subjects import Subject

_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Measured:
    """What a load did."""

    requests: int  # answered, as the client counts
    rate: float  # of them a second
    cpu_us: tuple[float, ...]  # a request, for each process
    first_mb: float  # resident, before
    peak_mb: float
    captured: float | None  # share of requests, in our sidecar


def measure(subject: Subject, load: Sequence[str], settle_seconds: float) -> Measured:
    """Load the subject; what it does in ``settle_seconds`` after the load counts as well."""
    cpu, seen, captured = _cpu(subject.pids), subject.seen, subject.captured
    first_mb = peak_mb = _resident_mb(subject.pids)
    command = [sys.executable, "-m", "benchmarks.load", f"--port={subject.port}", *load]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        while client.poll() is None:
            peak_mb = max(peak_mb, _resident_mb(subject.pids))
            time.sleep(_LOOK_SECONDS)
        said = json.loads(client.communicate()[0])
    time.sleep(settle_seconds)
    peak_mb = max(peak_mb, _resident_mb(subject.pids))
    n, seen = int(said["requests"]), subject.seen - seen
    return Measured(
        requests=n,
        rate=n / said["seconds"],
        cpu_us=tuple((b - a) * 1e6 / n for a, b in zip(cpu, _cpu(subject.pids), strict=True)),
        first_mb=first_mb,
        peak_mb=peak_mb,
        captured=(subject.captured - captured) / seen if seen else None,
    )


def _cpu(pids: Sequence[int]) -> list[float]:
    """User and system seconds of each process."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split() for pid in pids]
    return [(int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK") for f in fields]


def _resident_mb(pids: Sequence[int]) -> float:
    """Of all processes together; pages that they share count twice."""
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return sum(int(text.partition("VmRSS:")[2].split()[0]) for text in texts) / 1_024

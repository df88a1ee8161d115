"""``python -m benchmarks peers [NAME ...]``: goals beside figures, Evenhand beside its peers.

Peers whose environments cannot be made are left out, loudly, and the command ends with 3.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import alarms, speed
from benchmarks.peers.contest import Failed
from benchmarks.peers.environments import PeerMissing, interpreter, size_bytes
from benchmarks.peers.speed import EVENHAND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.tables.table import Table

    Make = Callable[[Path, Mapping[str, Path]], Table]

PARTS: Mapping[str, tuple[tuple[str, ...], Make]] = {
    "drift": (("nannyml", "evidently"), speed.drift),
    "fairness": (("aif360", "fairlearn"), speed.fairness),
    "embeddings": (("alibi_detect",), speed.embeddings),
    "judging": ((), speed.judging),
    "alarms": (("evidently", "nannyml"), alarms.table),
}


def main(names: Sequence[str]) -> int:
    """Print the named tables, all without a name."""
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        print(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    wanted = [PARTS[name] for name in names or PARTS]
    pythons, missing = _found(sorted({peer for peers, _ in wanted for peer in peers}))
    print(_machine(), *(f"{peer}: {size_bytes(peer) / 1e6:,.0f} MB" for peer in pythons), sep="\n")
    pythons = {EVENHAND: Path(sys.executable), **pythons}
    failed = [said for _, make in wanted if (said := _print(make, pythons))]
    for said in (*missing, *failed):
        print(f"left out: {said}", file=sys.stderr)
    return 3 if missing or failed else 0


def _print(make: Make, pythons: Mapping[str, Path]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        try:
            print(f"\n{make(Path(folder), pythons)}", flush=True)
        except Failed as failure:
            return str(failure)
    return ""


def _found(peers: Sequence[str]) -> tuple[dict[str, Path], list[str]]:
    found: dict[str, Path] = {}
    missing = []
    for peer in peers:
        try:
            found[peer] = interpreter(peer)
        except PeerMissing as error:
            missing.append(str(error))
    return found, missing


def _machine() -> str:
    load = os.getloadavg()[0]
    cores = f"{os.cpu_count()} cores, one thread used"
    return f"{_processor()}, {cores}; Python {platform.python_version()}; load {load:.1f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((ln.partition(": ")[2] for ln in lines if ln.startswith("model name")), "unknown")

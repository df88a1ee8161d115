"""``python -m benchmarks sidecar_peers [forwarding events]``: goals beside figures.

It runs in a network of its own that has only loopback, after what it needs was fetched. About four
minutes, two cores: one for the subject, one for client, model and sink. What cannot be had is left
out, loudly, and the command ends with 3.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.environments import PeerMissing, interpreter
from benchmarks.sidecar_peers import agent, events, forwarding, loopback
from tests.testkit import kafka
from tests.testkit.cache import ServerMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.tables.table import Table


def _fetch_agent() -> None:
    agent.program()
    kafka.fetch()


def _fetch_forwarders() -> None:
    interpreter("forwarders")


PARTS: Mapping[str, tuple[Callable[[], None], Callable[[Path, int], Table]]] = {
    "forwarding": (_fetch_forwarders, forwarding.table),
    "events": (_fetch_agent, events.table),
}


def main(names: Sequence[str]) -> int:
    """Print the named tables, all without a name."""
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        print(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    if loopback.is_alone():
        return _print(names)
    here, missing = _fetched(names or list(PARTS))
    if not loopback.can_be_had():
        missing.append("everything: no network namespace (unshare, ip), where KServe's agent is")
        here = []
    code = loopback.run_alone(["-m", "benchmarks", "sidecar_peers", *here]) if here else 0
    for said in missing:
        print(f"left out: {said}", file=sys.stderr)
    return 3 if missing else code


def _fetched(names: Sequence[str]) -> tuple[list[str], list[str]]:
    here, missing = [], []
    for name in names:
        try:
            PARTS[name][0]()
            here.append(name)
        except (PeerMissing, ServerMissing) as error:
            missing.append(f"{name}: {error}")
    return here, missing


def _print(names: Sequence[str]) -> int:
    cores = sorted(os.sched_getaffinity(0))
    near, far = cores[0], cores[-1]
    if near == far:
        print("one core only: client and subject share it, figures are rough")
    os.sched_setaffinity(0, {far})  # all that is started here but the subjects
    print(f"{len(cores)} cores, load {os.getloadavg()[0]:.1f}; KServe's agent {agent.VERSION}")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            print(f"\n{PARTS[name][1](Path(folder), near)}", flush=True)
    return 0

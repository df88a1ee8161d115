"""The label join at scale: bytes an entry, a worker's memory, a restart; small here, large slow."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks import label_worker
from benchmarks.label_entries import filled, keys_from

if TYPE_CHECKING:
    from pathlib import Path

IDS = 100_000
MOST_BYTES = 27  # an entry
MOST_MB = 400  # a worker with ten million


def test_an_entry_takes_no_more_than_27_bytes() -> None:
    """In a table that holds as many as it may; all of them are found, and no others."""
    table = filled(IDS)
    assert table.live == IDS
    assert table.nbytes / table.live <= MOST_BYTES
    assert table.contains(keys_from(0, IDS)).all()
    assert not table.contains(keys_from(IDS, 1_000)).any()


def test_ids_of_the_benchmark_are_distinct() -> None:
    """Otherwise the table would hold less than it says."""
    assert len(np.unique(keys_from(0, IDS))) == IDS


def test_a_restart_brings_every_waiting_id_back(tmp_path: Path) -> None:
    """Components with pending ids, one event short of a window: the first event judges it."""
    _child("build", str(tmp_path), "4", "2000")
    found = _child("restart", str(tmp_path), "4", "2000")
    assert (found["components"], found["pending"]) == (4, 8_001)


@pytest.mark.slow
def test_a_worker_holds_ten_million_ids_in_400_mb() -> None:
    """Its process, with everything that it has loaded."""
    found = _child("worker", "10000000")
    print(found)  # noqa: T201 - a slow test prints its table
    assert found["counts"]["events"] == 10_000_000
    assert found["resident_mb"] <= MOST_MB


def _child(*arguments: str) -> dict[str, Any]:
    argv = [sys.executable, "-m", label_worker.__name__, *arguments]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))

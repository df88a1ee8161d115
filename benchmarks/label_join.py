"""The label join at its largest: 10 million ids that wait, beside the same table in two databases.

Asked are 10,000 of them by key, by turns, the best of a few rounds: SQLite by its primary key from
a file that fits in memory, PostgreSQL (a real server on this machine, analysed) by a unique index.
Then what a worker's process holds with them, and how long it takes to be back after a crash, with
as many ids spread over 1,000 components. ``--pending``, ``--asked``, ``--components`` change sizes.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pg8000.native
from sqlalchemy.engine import make_url

from benchmarks.label_entries import ROWS, entries, filled, keys_from
from tests.testkit.postgres import start_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from detectors.pending import Pending

PENDING, ASKED, COMPONENTS, ROUNDS = 10_000_000, 10_000, 1_000, 7
_TABLE = "(key {} PRIMARY KEY, pane INTEGER, cell INTEGER, score INTEGER, weight REAL, label {})"
_FOUND = "count(*), sum(pane), sum(cell), sum(label)"  # rows are read, and not sent to us
_COLUMNS = "key, pane, cell, score, weight, label"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=PENDING)
    parser.add_argument("--asked", type=int, default=ASKED)
    parser.add_argument("--components", type=int, default=COMPONENTS)
    options = parser.parse_args(arguments or [])
    show_lookups(*lookups(options.pending, options.asked))
    show_worker(_child("worker", options.pending))
    with tempfile.TemporaryDirectory() as folder:
        each = options.pending // options.components
        print(_child("build", folder, options.components, each)["said"])
        show_restart(_child("restart", folder, options.components, each))


def lookups(pending: int, asked: int) -> tuple[dict[str, float], Pending]:
    """Seconds to look ids up, by where they wait."""
    table = filled(pending)
    rows = np.sort(np.random.default_rng(2).choice(pending, asked, replace=False))
    keys = keys_from(0, pending)[rows]
    if not table.contains(keys).all():
        raise RuntimeError("ids that wait are not found: the benchmark measures the wrong thing")
    asks: dict[str, Callable[[], int]] = {"Evenhand": lambda: int(table.contains(keys).sum())}
    signed = keys.view(np.int64).tolist()
    with tempfile.TemporaryDirectory() as folder, start_postgres() as server:
        asks["SQLite"] = _sqlite(Path(folder) / "pending.db", pending, signed)
        asks["PostgreSQL"] = _postgres(server.database(), pending, signed)
        seconds = dict.fromkeys(asks, float("inf"))
        for _ in range(ROUNDS):
            for name, ask in asks.items():
                started = time.perf_counter()
                found = ask()
                seconds[name] = min(seconds[name], time.perf_counter() - started)
                if found != asked:
                    raise RuntimeError(f"{name} found {found} of {asked}")
    return seconds, table


def show_lookups(seconds: dict[str, float], table: Pending) -> None:
    ours = seconds["Evenhand"]
    print(f"{table.live:,} ids wait, {table.nbytes / table.live:.1f} bytes each")
    for name, each in seconds.items():
        print(f"  looked up in {name:<12}{1_000 * each:>9.2f} ms{each / ours:>8.1f} x")


def show_worker(found: dict[str, Any]) -> None:
    print(
        f"a worker's process with them: {found['resident_mb']} MB resident, at most "
        f"{found['peak_mb']} MB while they came, {found['bare_mb']} MB before"
    )


def show_restart(found: dict[str, Any]) -> None:
    print(
        f"restart: {found['wall']:.1f} s to the first judged event ({found['cpu']:.1f} s of the "
        f"processor), {found['pending']:,} ids in {found['components']:,} components, "
        f"{found['peak_mb']} MB at most"
    )


def _sqlite(path: Path, pending: int, keys: list[int]) -> Callable[[], int]:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA cache_size = -1000000")
    connection.execute(f"CREATE TABLE pending {_TABLE.format('INTEGER', 'INTEGER')}")
    for start in range(0, pending, ROWS):
        rows = sorted(_rows(start, min(ROWS, pending - start)))
        connection.executemany("INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    marks = ",".join("?" * len(keys))
    query = f"SELECT {_FOUND} FROM pending WHERE key IN ({marks})"
    return lambda: int(connection.execute(query, keys).fetchone()[0])


def _postgres(url: str, pending: int, keys: list[int]) -> Callable[[], int]:
    """Filled over COPY, then indexed: the fastest way."""
    at = make_url(url)
    connection = pg8000.native.Connection(
        at.username or "postgres", host=at.host or "127.0.0.1", port=at.port, database=at.database
    )
    columns = _TABLE.format("bigint", "smallint").replace(" PRIMARY KEY", "")
    connection.run(f"CREATE UNLOGGED TABLE pending {columns}")
    connection.run(f"COPY pending ({_COLUMNS}) FROM STDIN WITH (FORMAT csv)", stream=_csv(pending))
    connection.run("CREATE UNIQUE INDEX ON pending (key)")
    connection.run("VACUUM ANALYZE pending")
    query = f"SELECT {_FOUND} FROM pending WHERE key = ANY(CAST(:keys AS bigint[]))"
    return lambda: int((connection.run(query, keys=keys) or [[0]])[0][0])


def _csv(pending: int) -> Iterator[str]:
    for start in range(0, pending, ROWS):
        rows = _rows(start, min(ROWS, pending - start))
        yield "".join(",".join(map(str, row)) + "\n" for row in rows)


def _rows(start: int, n: int) -> list[tuple[Any, ...]]:
    part = entries(start, n)
    arrays: tuple[NDArray[Any], ...] = (
        part.keys.view(np.int64),
        np.full(n, start // ROWS),
        part.cells,
        part.scores,
        part.weights,
        np.zeros(n, dtype=np.int64),
    )
    return list(zip(*(array.tolist() for array in arrays), strict=True))


def _child(*arguments: object) -> dict[str, Any]:
    argv = [sys.executable, "-m", "benchmarks.label_worker", *map(str, arguments)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main(sys.argv[1:])

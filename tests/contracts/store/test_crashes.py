"""kill -9 of a real process, in the middle of a transaction and between two."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from governance.store.checkpoints import Checkpoint, Checkpoints, PartitionState
from governance.store.deliveries import Deliveries
from governance.store.engine import open_engine
from governance.store.findings import Findings
from governance.store.leases import Leases
from tests.contracts.store.rows import finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from sqlalchemy import Engine

ROOT = Path(__file__).parents[3]

HALF_A_CHECKPOINT = """
import sys
from governance.store import checkpoints
from governance.store.engine import open_engine
from tests.contracts.store.test_checkpoints import FULL

def stop(*_arguments):
    print("half", flush=True)
    sys.stdin.read()

checkpoints.insert_findings = stop
port = checkpoints.Checkpoints(open_engine(sys.argv[1]))
port.commit(port.claim(3, "dies"), FULL)
"""

HALF_AN_EVALUATION = """
import sys
from governance.store import outcomes
from governance.store.engine import open_engine
from governance.store.leases import Lease
from tests.contracts.store.test_outcomes import FULL

def stop(*_arguments):
    print("half", flush=True)
    sys.stdin.read()

outcomes.audit.append = stop
outcomes.write_evaluation(open_engine(sys.argv[1]), Lease("evaluator", "a", 1, 0), FULL)
"""

CHECKPOINT_AFTER_CHECKPOINT = """
import itertools, sys
from governance.store.checkpoints import Checkpoint, Checkpoints
from governance.store.engine import open_engine
from tests.contracts.store.rows import finding

port = Checkpoints(open_engine(sys.argv[1]))
claim = port.claim(3, "dies")
for n in itertools.count(1):
    port.commit(claim, Checkpoint(n, n, findings=[finding(n)]))
    print(n, flush=True)
"""


@contextmanager
def killed(program: str, url: str) -> Iterator[IO[str]]:
    """Run a program, hand out what it prints, and kill it at the end of the block."""
    child = subprocess.Popen(
        [sys.executable, "-c", program, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        yield child.stdout
        child.kill()
        child.wait()


def test_killed_checkpoint_leaves_nothing(engine: Engine, url: str) -> None:
    """A worker killed before its commit ends leaves no row, no offset and no lock."""
    with killed(HALF_A_CHECKPOINT, url) as said:
        assert said.readline() == "half\n"
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "next")
    assert (claim.epoch, claim.next_offset) == (2, 0)
    assert checkpoints.load(claim) == PartitionState([], [], [], [])


def test_killed_evaluation_leaves_nothing(engine: Engine, url: str) -> None:
    """An evaluator killed before its commit ends leaves findings unevaluated and sends nothing."""
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(0, "worker")
    checkpoints.commit(claim, Checkpoint(1, 1, findings=[finding(0), finding(1)]))
    Leases(engine).acquire("evaluator", "a", 60)
    with killed(HALF_AN_EVALUATION, url) as said:
        assert said.readline() == "half\n"
    assert len(Findings(engine).unevaluated()) == 2
    assert Deliveries(engine).find() == []


def test_committed_checkpoints_survive_the_kill(url: str) -> None:
    """Whatever a worker said was committed is there, and offset and findings agree."""
    with killed(CHECKPOINT_AFTER_CHECKPOINT, url) as said:
        for _ in range(20):
            last = int(said.readline())
    engine = open_engine(url)
    next_offset = Checkpoints(engine).claim(3, "next").next_offset
    found = [f.body for f in Findings(engine).unevaluated()]
    engine.dispose()
    assert next_offset >= last
    assert found == [finding(n).to_line() for n in range(1, next_offset + 1)]

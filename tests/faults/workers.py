"""Faults of workers: killed, stopped for too long, replaced."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pg8000.native
from sqlalchemy.engine import make_url

from tests.acceptance.program import eventually
from tests.faults.scene import DISTURBED, WHOLE

if TYPE_CHECKING:
    from tests.faults.scene import Row, Scene

KILLS = 10
SESSION_SECONDS = 12.0  # longer than a member may be silent


def killed_in_mid_window(scene: Scene) -> Row:
    """``kill -9`` between two windows."""
    with scene.worker() as program:
        scene.traffic.send(WHOLE, again=True)
        scene.until_windows()
        scene.traffic.send(3)
        program.kill()
    scene.over()
    scene.traffic.send(WHOLE - 3)
    return scene.finish()


def killed_in_a_checkpoint(scene: Scene) -> Row:
    """``kill -9`` while the transaction of a checkpoint is open: it waits for a lock of ours."""
    with scene.worker() as program:
        scene.traffic.send(WHOLE // 2)
        scene.until_windows()
        blocker = connect(scene)
        blocker.run("BEGIN")
        blocker.run("LOCK TABLE findings IN ACCESS EXCLUSIVE MODE")
        scene.traffic.send(WHOLE // 2)
        watcher = connect(scene)
        eventually(lambda: waiting(watcher), "a checkpoint that waits for the lock")
        program.kill()
        blocker.run("ROLLBACK")
        blocker.close()
        watcher.close()
    scene.over()
    return scene.finish()


def killed_in_a_rebalance(scene: Scene) -> Row:
    """``kill -9`` of the owner while a second worker joins, under load."""
    with scene.worker() as first:
        scene.traffic.send(WHOLE // 2)
        scene.until_windows()
        with scene.worker() as second:
            scene.traffic.send(WHOLE // 4)
            first.kill()
            scene.over()
            scene.traffic.send(WHOLE // 4)
            scene.until_windows()
            second.stop()
    return scene.finish()


def killed_ten_times(scene: Scene) -> Row:
    """``kill -9`` at ten instants that a seeded die chooses."""
    die = random.Random(11)
    for _ in range(KILLS):
        with scene.worker() as program:
            scene.traffic.send(WHOLE // KILLS, again=True)
            time.sleep(die.uniform(0.0, 0.8))  # the instant is the fault
            program.kill()
    scene.over()
    return scene.finish(f"{KILLS} kills")


def stopped_and_woken(scene: Scene) -> Row:
    """SIGSTOP for longer than the session, SIGCONT once another has taken over: a zombie."""
    with scene.worker() as zombie:
        scene.traffic.send(WHOLE // 2)
        scene.until_windows()
        zombie.pause()
        with scene.worker() as heir:
            scene.traffic.send(WHOLE // 2)
            time.sleep(SESSION_SECONDS)  # the silence is the fault
            scene.until_windows()
            before = scene.place.findings(DISTURBED)
            zombie.resume()
            scene.over()
            scene.traffic.send(WHOLE)
            scene.until_windows()
            unchanged = scene.place.findings(DISTURBED)[: len(before)] == before
            heir.stop()
    return scene.finish("" if unchanged else "the zombie changed findings")


def replaced_one_by_one(scene: Scene) -> Row:
    """SIGTERM of each worker once its successor runs, under load: a rollout."""
    with scene.worker() as first:
        scene.traffic.send(WHOLE // 2)
        with scene.worker() as second:
            first.stop()
            scene.traffic.send(WHOLE // 2)
            with scene.worker():
                second.stop()
                scene.over()
                scene.traffic.send(WHOLE)
                scene.until_windows()
    return scene.finish()


def connect(scene: Scene) -> pg8000.native.Connection:
    """A connection of our own to the disturbed group's database."""
    url = make_url(scene.place.databases[DISTURBED])
    return pg8000.native.Connection(
        url.username or "postgres",
        host=url.host or "127.0.0.1",
        port=url.port or 5432,
        database=url.database,
    )


def waiting(watcher: pg8000.native.Connection) -> bool:
    """Whether somebody waits for a lock."""
    (row,) = watcher.run("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(row[0])

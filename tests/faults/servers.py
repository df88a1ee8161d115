"""Faults of the servers: Kafka and PostgreSQL gone, cut off, unable to write."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.acceptance.program import eventually
from tests.faults.disk import fill, small_disk
from tests.faults.scene import WHOLE, total
from tests.faults.workers import connect, waiting

if TYPE_CHECKING:
    from tests.acceptance.program import Program
    from tests.faults.scene import Row, Scene

SESSION_SECONDS = 12.0


def broker_killed(scene: Scene) -> Row:
    """``kill -9`` of the broker under load, and a restart over the same data."""
    with scene.worker():
        scene.traffic.send(WHOLE // 2)
        scene.until_windows()
        sender = threading.Thread(target=scene.traffic.send, args=(WHOLE // 2,))
        sender.start()
        scene.broker.kill()
        scene.broker.restart()
        scene.over()
        sender.join()
        scene.until_windows()
    return scene.finish()


def broker_silent(scene: Scene) -> Row:
    """The broker answers nobody for longer than a session lasts; connections stay open."""
    with scene.worker():
        scene.traffic.send(WHOLE // 2)
        scene.until_windows()
        scene.broker.pause()
        sender = threading.Thread(target=scene.traffic.send, args=(WHOLE // 2,))
        sender.start()
        sender.join(SESSION_SECONDS)
        scene.broker.resume()
        scene.over()
        sender.join()
        scene.until_windows()
    return scene.finish()


def database_restarted(scene: Scene) -> Row:
    """``kill -9`` of PostgreSQL under load, and a restart."""
    with scene.worker():
        scene.traffic.send(WHOLE // 2)
        scene.until_windows()
        scene.postgres.kill()
        scene.traffic.send(WHOLE // 2)
        scene.postgres.restart()
        scene.over()
        scene.until_windows()
    return scene.finish()


def connection_cut(scene: Scene) -> Row:
    """The connection of a checkpoint is cut in mid-transaction."""
    with scene.worker():
        scene.traffic.send(WHOLE // 2)
        scene.until_windows()
        blocker, watcher = connect(scene), connect(scene)
        blocker.run("BEGIN")
        blocker.run("LOCK TABLE findings IN ACCESS EXCLUSIVE MODE")
        scene.traffic.send(WHOLE // 2)
        eventually(lambda: waiting(watcher), "a checkpoint that waits for the lock")
        watcher.run(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND pid <> "
            "pg_backend_pid()"
        )
        blocker.run("ROLLBACK")
        scene.over()
        scene.until_windows()
        blocker.close()
        watcher.close()
    return scene.finish()


def database_read_only(scene: Scene) -> Row:
    """Every new transaction is read-only for a while."""
    with scene.worker() as program:
        scene.traffic.send(WHOLE // 2)
        scene.until_windows()
        _let_write(scene, allowed=False)
        scene.traffic.send(WHOLE // 2)
        eventually(
            lambda: total(program, "evenhand_checkpoint_failures_total") > 0,
            "a checkpoint that failed",
        )
        _let_write(scene, allowed=True)
        scene.over()
        scene.until_windows()
    return scene.finish()


def disk_full(scene: Scene) -> Row:
    """The file system of the tables is full for a while."""
    with small_disk(scene) as disk:
        with scene.worker() as program:
            scene.traffic.send(WHOLE // 2)
            scene.until_windows()
            filling = fill(disk)
            scene.traffic.send(WHOLE // 2)
            _until_a_checkpoint_fails(program)
            filling.unlink()
            scene.over()
            scene.until_windows()
        return scene.finish()


def _until_a_checkpoint_fails(program: Program) -> None:
    name = "evenhand_checkpoint_failures_total"
    eventually(lambda: total(program, name) > 0, "a checkpoint that failed")


def _let_write(scene: Scene, *, allowed: bool) -> None:
    owner = connect(scene)
    owner.run("SET default_transaction_read_only = off")
    (name,) = owner.run("SELECT current_database()")[0]
    owner.run(f"ALTER DATABASE {name} SET default_transaction_read_only = {not allowed}")
    owner.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    owner.close()

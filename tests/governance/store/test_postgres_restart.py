from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from governance.errors import StoreError
from governance.store.checkpoints import Checkpoint, Checkpoints
from governance.store.engine import open_engine, ping, transaction
from governance.store.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from tests.testkit.postgres import PostgresServer

pytestmark = pytest.mark.skipif(
    "TEST_DATABASE_URL" in os.environ, reason="the server of TEST_DATABASE_URL is not ours to kill"
)


@pytest.fixture
def engine(postgres: PostgresServer) -> Iterator[Engine]:
    opened = open_engine(postgres.database())
    migrate(opened)
    yield opened
    opened.dispose()


def test_work_goes_on_after_a_restart(engine: Engine, postgres: PostgresServer) -> None:
    """While PostgreSQL is away calls raise StoreError; after its restart the same engine works."""
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(0, "a")
    checkpoints.commit(claim, Checkpoint(7, 7))
    postgres.kill()
    try:
        for _ in range(2):
            with pytest.raises(StoreError, match="is away, busy or full"):
                checkpoints.commit(claim, Checkpoint(8, 8))
    finally:
        postgres.restart()
    checkpoints.commit(claim, Checkpoint(9, 9))
    assert checkpoints.claim(0, "b").next_offset == 9


def test_connection_cut_in_a_transaction_leaves_nothing(
    engine: Engine, postgres: PostgresServer
) -> None:
    """A server killed between statement and commit: StoreError, and the statement is undone."""

    def write_and_cut() -> None:
        with transaction(engine) as connection:
            connection.exec_driver_sql("INSERT INTO leases VALUES ('evaluator', 'a', 1, 0)")
            postgres.kill()
            postgres.restart()

    with pytest.raises(StoreError):
        write_and_cut()
    with transaction(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM leases").scalar() == 0


def test_session_that_the_server_ends_is_replaced(engine: Engine) -> None:
    """Sessions ended by an administrator cost one error in a transaction and none outside."""
    ping(engine)
    end_all = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    other = open_engine(engine.url.render_as_string(hide_password=False))
    with transaction(other) as connection:
        connection.exec_driver_sql(end_all)
    other.dispose()
    ping(engine)

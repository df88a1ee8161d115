"""kill -9, and the same log read again: findings are a function of the log, byte for byte."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.program import eventually
from tests.faults.place import Place, migrated, write_component
from tests.faults.traffic import BATCH, WINDOW, Traffic
from tests.testkit.kafka import start_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.testkit.postgres import PostgresServer


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("kafka", marks=[pytest.mark.servers, pytest.mark.xdist_group("kafka")]),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """The embedded bus with SQLite, and Apache Kafka with PostgreSQL."""
    write_component(tmp_path)
    with ExitStack() as stack:
        if request.param == "embedded":
            databases = {g: f"sqlite:///{tmp_path / g}.db" for g in ("one", "other")}
            for url in databases.values():
                migrated(url)
            yield Place(tmp_path, f"file:{tmp_path / 'bus'}", databases)
        else:
            server: PostgresServer = request.getfixturevalue("postgres")
            request.getfixturevalue("kafka")  # says so where there is none
            broker = stack.enter_context(start_kafka())
            databases = {g: server.database(migrated) for g in ("one", "other")}
            yield Place(tmp_path, broker.url, databases)


def test_kill_9_in_mid_window_changes_no_finding(place: Place) -> None:
    """A group whose workers were killed again and again finds what an undisturbed group finds."""
    traffic = Traffic(place.bus)
    try:
        for life in range(3):
            with place.worker("one", f"life-{life}") as program:
                traffic.send(25, again=True)
                reached = (life + 1) * 25 * BATCH // WINDOW - 1
                eventually(lambda: place.windows("one") >= reached, "windows of this life")  # noqa: B023
                traffic.send(3)  # in mid-window, perhaps read and not yet written
                program.kill()
        traffic.send(10)
        traffic.bye()
    finally:
        traffic.close()
    windows = traffic.sequence * BATCH // WINDOW
    for group in ("one", "other"):
        with place.worker(group, f"last-{group}"):
            eventually(lambda: place.windows(group) >= windows, "all windows")  # noqa: B023
    one, other = place.findings("one"), place.findings("other")
    assert one == other
    assert place.windows("one") == place.windows("other") == windows
    statuses = {json.loads(body)["status"] for *_, body in one}
    assert "breach" in statuses or "warning" in statuses


def test_sigterm_leaves_a_checkpoint(place: Place) -> None:
    """A worker that is asked to end writes all it has read, and exits 0."""
    traffic = Traffic(place.bus)
    try:
        with place.worker("one", "asked") as program:
            traffic.send(9)
            eventually(lambda: place.windows("one") >= 1, "a window")
            program.stop()
            assert program._running().returncode == 0
    finally:
        traffic.close()
    assert place.offset("one") > 0

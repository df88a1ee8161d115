"""``evenhand collect --listen`` as a process."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from governance.config import Settings
from governance.event import LabelBatch, MessageType
from governance.service.cli.listen import METRICS, _metrics_address
from tests.governance.service.cli.door_process import (
    COMPONENT,
    EVENTS,
    LABELS,
    Process,
    command,
    sent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path, f"file:{tmp_path / 'bus'}")
    yield process
    if process.child.poll() is None:
        process.end(signal.SIGKILL)


def test_it_says_when_it_is_ready_and_leaves_with_bye(door: Process) -> None:
    """One line, then work, then SIGTERM: all is on the bus, the last word is bye, exit code 0."""
    assert door.post(EVENTS, [{"id": "a"}, {"id": "b"}]).status_code == 202
    scraped = httpx.get(door.metrics, trust_env=False).text
    assert 'evenhand_door_rows_total{component="m",kind="events",namespace="shop"' in scraped
    errors = door.end(signal.SIGTERM)
    assert door.child.returncode == 0, errors
    messages = sent(door.folder)
    assert [m.stamp.type for m in messages] == [MessageType.EVENTS, MessageType.BYE]
    assert messages[-1].stamp.counts == {"accepted": 2, "spooled": 0}
    assert "set http.tokensFile" in errors


def test_what_it_said_yes_to_survives_kill_9(tmp_path: Path) -> None:
    """202 while the bus is away, kill -9, a new process with a bus: the label arrives."""
    first = Process(tmp_path, "kafka://127.0.0.1:1")
    assert first.post(LABELS, {"id": "a", "label": 1}).status_code == 202
    first.end(signal.SIGKILL)
    second = Process(tmp_path, f"file:{tmp_path / 'bus'}")
    second.end(signal.SIGTERM)
    batches = [m.batch for m in sent(tmp_path) if m.batch is not None]
    assert [type(batch) for batch in batches] == [LabelBatch]


def test_its_metrics_do_not_stand_where_those_of_alerting_do() -> None:
    """One machine may run both with no settings; what is set counts."""
    assert _metrics_address(Settings()) == METRICS != Settings().http.metrics
    chosen = Settings.model_validate({"http": {"metrics": "127.0.0.1:8602"}})
    assert _metrics_address(chosen) == "127.0.0.1:8602"


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "nonsense"])
def test_it_refuses_to_stand_open_to_all(tmp_path: Path, listen: str) -> None:
    """Without tokens only loopback will do; exit code 2 and the remedy."""
    (tmp_path / "component.yaml").write_text(json.dumps(COMPONENT))
    bus = f"file:{tmp_path / 'bus'}"
    done = subprocess.run(
        command(tmp_path, bus, listen), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "127.0.0.1" in done.stderr
    assert done.stdout == ""


def test_two_doors_do_not_share_a_spool(door: Process) -> None:
    """The second one says who has the folder and what to do; the first goes on."""
    bus = f"file:{door.folder / 'bus'}"
    done = subprocess.run(
        command(door.folder, bus), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "another door" in done.stderr
    assert door.post(EVENTS, {"id": "a"}).status_code == 202

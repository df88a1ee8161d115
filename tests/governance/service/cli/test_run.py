"""``evenhand run`` as a process: every stage of it answers, and it ends as it was asked to."""

from __future__ import annotations

import json
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from governance.privacy import load_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COMPONENT = {
    "apiVersion": "apexlogic.io/v1alpha1",
    "kind": "MultimodalAIComponent",
    "metadata": {"name": "m", "namespace": "shop"},
    "spec": {"model": {"name": "m", "version": "1", "modality": ["tabular"]}},
}
EVENTS = "/api/v1/components/shop/m/events"
READY = re.compile(
    r"run: ready; API on (?P<api>\S+)/api/v1; door on (?P<door>\S+); "
    r"metrics on (?P<metrics>\S+)/metrics; road none\n"
)


def start(folder: Path, *, api: str = "127.0.0.1:0") -> subprocess.Popen[str]:
    (folder / "component.yaml").write_text(json.dumps(COMPONENT))
    addresses = {"API": api, "DOOR": "127.0.0.1:0", "METRICS": "127.0.0.1:0"}
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "governance.service.cli.main", "run"),
            *("--components", str(folder / "component.yaml"), "--bus", f"file:{folder}/bus"),
            *("--database", f"sqlite:///{folder}/e.db", "--state-dir", str(folder / "state")),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={f"EVENHAND_HTTP_{name}": where for name, where in addresses.items()} | {"PATH": ""},
    )


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], re.Match[str]]]:
    """The process, and where its stages answer."""
    child = start(folder)
    try:
        assert child.stdout is not None
        line = child.stdout.readline() if select.select([child.stdout], [], [], 60)[0] else ""
        found = READY.fullmatch(line)
        if found is None:
            child.kill()
            pytest.fail(f"not ready in 60 s: {line}{child.communicate()[1]}")
        yield child, found
    finally:
        child.kill()
        child.communicate()


def within(seconds: float, read: Callable[[], list[dict[str, str]]]) -> list[dict[str, str]]:
    """What is read once there is something, or nothing after so long."""
    until = time.monotonic() + seconds
    while not (found := read()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_all_stages_answer_and_end_cleanly(tmp_path: Path) -> None:
    """Door, API and metrics work; SIGTERM ends all with exit code 0 and no complaint."""
    with running(tmp_path) as (child, at), httpx.Client(trust_env=False, timeout=30) as client:
        taken = client.post(at["door"] + EVENTS, json={"id": "a", "prediction": 1})
        assert (taken.status_code, taken.json()["accepted"]) == (202, 1)
        listing = at["api"] + "/api/v1/components"
        assert within(60, lambda: client.get(listing).json()["components"])[0]["name"] == "m"
        assert "evenhand_door_rows_total" in client.get(at["metrics"] + "/metrics").text
        child.send_signal(signal.SIGTERM)
        assert (child.communicate(timeout=60)[1], child.returncode) == ("", 0)


def test_privacy_keys_are_made_beside_the_state(tmp_path: Path) -> None:
    """A component of the default privacy level runs without any setting, and keeps its key."""
    with running(tmp_path):
        key = load_key(tmp_path / "state" / "keys", "shop")
    with running(tmp_path):
        assert load_key(tmp_path / "state" / "keys", "shop") == key
    mode = (tmp_path / "state" / "keys" / "shop.key").stat().st_mode
    assert stat.S_IMODE(mode) & 0o077 == 0


def test_a_port_in_use_is_wrong_configuration(tmp_path: Path) -> None:
    """The message names the address; exit code 2, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        child = start(tmp_path, api=address)
        errors = child.communicate(timeout=60)[1]
    assert child.returncode == 2
    assert errors.startswith(f"evenhand: cannot listen on {address}: ")

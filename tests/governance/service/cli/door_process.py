"""The door as a process of its own, on an embedded bus."""

from __future__ import annotations

import json
import re
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from governance.bus.connect import open_bus
from governance.bus.ports import EVENTS_TOPIC
from governance.wire.message import Message, decode

if TYPE_CHECKING:
    from pathlib import Path

COMPONENT = {
    "apiVersion": "apexlogic.io/v1alpha1",
    "kind": "MultimodalAIComponent",
    "metadata": {"name": "m", "namespace": "shop"},
    "spec": {
        "model": {"name": "m", "version": "1", "modality": ["tabular"]},
        "governance": {"dataPrivacy": {"level": "open"}},
        "signals": {"favourable": {"in": ["1"]}},
    },
}
LABELS = "/api/v1/components/shop/m/labels"
EVENTS = "/api/v1/components/shop/m/events"
READY = re.compile(
    r"collect: ready; door on (http://127\.0\.0\.1:\d+) for shop/m; metrics on (\S+)\n"
)


class Process:
    """One door; its folder outlives it."""

    def __init__(self, folder: Path, bus: str) -> None:
        self.folder = folder
        (folder / "component.yaml").write_text(json.dumps(COMPONENT))
        self.child = subprocess.Popen(
            command(folder, bus),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"EVENHAND_HTTP_METRICS": "127.0.0.1:0", "PATH": ""},
        )
        assert self.child.stdout is not None
        ready = select.select([self.child.stdout], [], [], 60)[0]
        line = self.child.stdout.readline() if ready else ""
        found = READY.fullmatch(line)
        if found is None:
            pytest.fail(f"not ready in 60 s: {line}{self.end(signal.SIGKILL)}")
        self.url, self.metrics = found.groups()
        self.client = httpx.Client(trust_env=False, timeout=60)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def post(self, path: str, rows: Any, **headers: str) -> httpx.Response:
        raw = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
        return self.client.post(self.url + path, content=raw, headers=headers)

    def counted(self, name: str) -> dict[str, float]:
        """Samples of a metric by their last label, ``outcome``."""
        text = self.client.get(self.metrics).text
        lines = [line for line in text.splitlines() if line.startswith(name + "{")]
        return {
            re.findall(r'="([^"]*)"', line)[-1]: float(line.rsplit(" ", 1)[1]) for line in lines
        }

    def end(self, how: signal.Signals) -> str:
        """Its standard error."""
        self.client.close()
        self.child.send_signal(how)
        _, errors = self.child.communicate(timeout=30)
        return errors


def command(folder: Path, bus: str, listen: str = "127.0.0.1:0") -> list[str]:
    return [
        *(sys.executable, "-m", "governance.service.cli.main", "collect", "--listen", listen),
        *("--components", str(folder / "component.yaml"), "--bus", bus),
        *("--state-dir", str(folder / "state")),
    ]


def sent(folder: Path) -> list[Message]:
    bus = open_bus(f"file:{folder / 'bus'}")
    consumer = bus.consumer("test")
    consumer.subscribe(EVENTS_TOPIC, lambda own: dict.fromkeys(own, 0), lambda _: None)
    found: list[Message] = []
    while records := consumer.poll(500, 0.4):
        found += [decode(record) for record in records]
    consumer.close()
    bus.close()
    return found

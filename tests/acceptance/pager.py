"""Two replicas of ``evenhand alert`` as processes, real Prometheus and Alertmanager, a pager.

Findings are written into the database as a detect worker writes them; what the pager hears is what
people would be told.
"""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from governance.clock import SystemClock
from governance.component.key import ComponentKey
from governance.finding import Finding, Status, Window
from governance.service.cli.main import main
from governance.store.checkpoints import Checkpoint, Checkpoints, GenerationRow, RegisterRow
from governance.store.presence import Presence
from tests.acceptance.program import Program, evenhand, eventually
from tests.alerting.receiver import Answer, Posted, receiver
from tests.alerting.stored import finding, open_migrated, spec
from tests.testkit.alertmanager import AlertmanagerServer, start_alertmanager
from tests.testkit.ports import free_port
from tests.testkit.prometheus import start_prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from governance.service.stores import Store

MINUTE_US = 60_000_000
ROUTES = """
route: {{receiver: pager, group_by: [component], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}
receivers: [{{name: pager, webhook_configs: [{{url: '{url}', send_resolved: true}}]}}]
"""  # noqa: E501


@dataclass
class Pager:
    """What was heard: how often each component was told to be firing, and to be resolved."""

    firing: dict[str, int] = field(default_factory=dict)
    resolved: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, posted: Posted) -> Answer:
        with self.lock:
            for alert in json.loads(posted.body)["alerts"]:
                if alert["labels"]["alertname"] != "EvenhandComponent":
                    continue
                told = self.firing if alert["status"] == "firing" else self.resolved
                name = alert["labels"]["component"]
                told[name] = told.get(name, 0) + 1
        return Answer(200)


class Scene:
    """One road with all its parts; incidents happen to components of its own."""

    def __init__(self, store: Store, pager: Pager, manager: AlertmanagerServer) -> None:
        self.store = store
        self.pager = pager
        self.manager = manager
        self.replicas: list[Program] = []
        self._checkpoints = Checkpoints(store.engine)
        self._claim = self._checkpoints.claim(0, "test")
        self._offset = 0
        self._number = SystemClock().now_us() // MINUTE_US

    def breach(self, name: str) -> None:
        """A component breaches in two windows."""
        self.judge(name, Status.BREACH, Status.BREACH)

    def calm(self, name: str) -> None:
        """And is well in two."""
        self.judge(name, Status.OK, Status.OK)

    def judge(self, name: str, *statuses: Status) -> None:
        key, now_us = ComponentKey("shop", name), SystemClock().now_us()
        found: list[Finding] = []
        for status in statuses:
            self._number += 1
            window = Window("every", self._number, now_us - MINUTE_US, now_us)
            found.append(replace(finding(0, status), component=key, window=window))
        document = json.loads(spec())
        document["metadata"]["name"] = name
        self._offset += 1
        self._checkpoints.commit(
            self._claim,
            Checkpoint(
                self._offset,
                now_us,
                registers=[RegisterRow(key, b"-", Presence(now_us, beating=True))],
                generations=[GenerationRow(key, 1, 0, json.dumps(document))],
                findings=found,
            ),
        )

    def heard_firing(self, name: str) -> None:
        eventually(lambda: self.pager.firing.get(name), f"a page for {name}", 120)

    def heard_resolved(self, name: str) -> None:
        eventually(lambda: self.pager.resolved.get(name), f"the end of {name}", 120)

    def evaluator(self) -> Program:
        """The replica that holds the lease."""

        def holder() -> Program | None:
            with self.store.engine.connect() as connection:
                query = "SELECT holder FROM leases WHERE name = 'evaluator'"
                held = connection.exec_driver_sql(query).scalar()
            for program in self.replicas:
                if held and f"-{program.pid}-" in held:
                    return program
            return None

        return eventually(holder, "somebody who evaluates")


@contextmanager
def scene(folder: Path, road: str, capture: Any) -> Iterator[Scene]:
    """The road ``prometheus`` or ``alertmanager``, with short times; ``capture`` takes stdout."""
    pager = Pager()
    with ExitStack() as stack:
        store = open_migrated(folder)
        stack.callback(store.engine.dispose)
        url, _ = stack.enter_context(receiver(pager.hear))
        manager = stack.enter_context(start_alertmanager(ROUTES.format(url=url)))
        stage = Scene(store, pager, manager)
        ports = [free_port(), free_port()]
        for number, port in enumerate(ports):
            config = folder / f"settings{number}.yaml"
            config.write_text(yaml.safe_dump(_settings(folder, road, manager.url, port)))
            arguments = ("alert", "--config", config)
            program = evenhand(folder, f"alert{number}", *arguments)
            stage.replicas.append(stack.enter_context(program))
        if road == "prometheus":
            rules = _rules(capture)
            (folder / "rules.yml").write_text(rules)
            stack.enter_context(start_prometheus(_scrapes(folder, manager.url, ports)))
        yield stage


def _settings(folder: Path, road: str, manager: str, port: int) -> dict[str, Any]:
    alertmanager = {"urls": [manager], "postEverySeconds": 1.0}
    return {
        "database": {"url": f"sqlite:///{folder / 'evenhand.db'}"},
        "alerting": {"road": road, "alertmanager": alertmanager},
        "http": {"metrics": f"127.0.0.1:{port}"},
    }


def _rules(capture: Any) -> str:
    capture.readouterr()
    assert main(["rules", "--keep-firing-for", "5s", "--patience", "1h"]) == 0
    printed: str = capture.readouterr().out
    return printed


def _scrapes(folder: Path, manager: str, ports: list[int]) -> str:
    targets = [f"127.0.0.1:{port}" for port in ports]
    scrape = {"job_name": "evenhand-alert", "honor_labels": True}
    managed = {"static_configs": [{"targets": [manager.removeprefix("http://")]}]}
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / "rules.yml")],
            "alerting": {"alertmanagers": [managed]},
            "scrape_configs": [{**scrape, "static_configs": [{"targets": targets}]}],
        }
    )

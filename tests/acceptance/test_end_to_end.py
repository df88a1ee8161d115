"""The whole road on real servers: a request goes in, a page comes out."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from governance.service.demo.census import traffic_people
from governance.service.demo.prepare import demo_settings, prepare, write_settings
from governance.service.demo.receiver import Receiver, receiving
from governance.service.demo.traffic import INSTANCES, InferenceClient, labels_of, request_id
from tests.acceptance.program import Program, evenhand, eventually, model_server
from tests.testkit.kafka import start_kafka
from tests.testkit.ports import free_port
from tests.testkit.prometheus import promtool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.testkit.alertmanager import AlertmanagerServer
    from tests.testkit.kafka import KafkaBroker
    from tests.testkit.postgres import PostgresServer
    from tests.testkit.prometheus import PrometheusServer

WINDOW = 1_000
QUIET = slice(0, 2 * WINDOW)  # 2016, as the reference
# Longer than the incident: for a while the ladder still sees it, which is its memory.
QUIET_AGAIN = slice(2 * WINDOW, 8 * WINDOW)
BLOCK = slice(136_000, 136_000 + 3 * WINDOW)  # nobody here lives in a household


class Road:
    """All programs of one deployment, and what a test asks them."""

    def __init__(self, programs: dict[str, Program], receiver: Receiver, sidecar: str) -> None:
        self.programs = programs
        self.receiver = receiver
        self.sidecar = sidecar
        self.api = httpx.Client(base_url=programs["serve"].address, timeout=10)
        self.door = httpx.Client(base_url=programs["door"].address, timeout=30)
        self.requests = 0

    def send(self, rows: slice) -> None:
        """People through the sidecar, their labels right behind at the door."""
        people = traffic_people().take(rows)
        client = InferenceClient(self.sidecar)
        first = self.requests
        for start in range(0, len(people), INSTANCES):
            client.infer(request_id(self.requests), people.take(slice(start, start + INSTANCES)))
            self.requests += 1
        client.close()
        labels = labels_of(first, people, seed=first)
        path = "/api/v1/components/demo/census-employment/labels"
        self.door.post(path, json=labels).raise_for_status()

    def findings(self, **which: str) -> list[dict[str, Any]]:
        """Findings by filter, newest first."""
        answer = self.api.get("/api/v1/findings", params={"limit": "1000", **which})
        found: list[dict[str, Any]] = answer.raise_for_status().json()["findings"]
        return found


@pytest.fixture(scope="module")
def broker(kafka: KafkaBroker) -> Iterator[KafkaBroker]:
    """A broker of this module's own, once the session's has shown that one can be had."""
    del kafka
    with start_kafka() as started:
        yield started


@pytest.fixture
def road(
    tmp_path: Path,
    broker: KafkaBroker,
    postgres: PostgresServer,
    alertmanager: Callable[[], AlertmanagerServer],
) -> Iterator[tuple[Road, AlertmanagerServer]]:
    pages = alertmanager()
    prepared = prepare(tmp_path, windows={"events": WINDOW}, labelHorizon="3s")
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving(prepared.secret))
        settings = demo_settings(
            prepared,
            bus=f"kafka://{broker.bootstrap}",
            database=postgres.database(),
            webhooks=receiver.url,
            alertmanager={"urls": [pages.url]},
        )
        config = write_settings(tmp_path / "settings.yaml", settings)
        migrate = [sys.executable, "-m", "governance.service.cli.main", "migrate"]
        subprocess.run([*migrate, "--config", str(config)], check=True, capture_output=True)
        upstream = stack.enter_context(model_server(tmp_path))
        port, admin = free_port(), free_port()

        def start(name: str, *arguments: object) -> Program:
            program = evenhand(tmp_path, name, *arguments, "--config", config)
            return stack.enter_context(program)

        programs = {
            "detect-1": start("detect-1", "detect"),
            "detect-2": start("detect-2", "detect"),
            "alert": start("alert", "alert"),
            "serve": start("serve", "serve"),
            "door": start("door", "collect", "--listen", "127.0.0.1:0"),
            "sidecar": start(
                "sidecar", "collect", "--upstream", upstream, "--port", port, "--admin-port", admin
            ),
        }
        deployed = Road(programs, receiver, f"127.0.0.1:{port}")
        stack.callback(deployed.api.close)
        stack.callback(deployed.door.close)
        yield deployed, pages


def test_from_request_to_page(
    road: tuple[Road, AlertmanagerServer], prometheus: Callable[[str], PrometheusServer]
) -> None:
    """Drift and late-labelled unfairness reach Alertmanager, Prometheus and a signed webhook."""
    deployed, pages = road
    metrics = [deployed.programs[name].address for name in ("alert", "detect-1", "detect-2")]
    scraper = prometheus(_scrape_config([address.split("//")[1] for address in metrics]))
    deployed.send(QUIET)
    deployed.send(BLOCK)

    page = eventually(lambda: _page(pages.url, "drift"), "the drift page at Alertmanager")
    assert "RELP" in page["annotations"]["subjects"]
    assert page["labels"]["component"] == "census-employment"
    eventually(
        lambda: _page(pages.url, "equal_opportunity_difference"), "the fairness page", seconds=90
    )
    quiet = deployed.findings(check="drift", until="2016-02-01T00:00:00Z")
    assert {f["status"] for f in quiet} <= {"ok", "insufficient"}

    (order,) = [m for m in deployed.receiver.messages if m.webhook == "training"]
    assert order.verified
    assert order.body["type"] == "io.evenhand.retrain.v1"
    assert all(message.verified for message in deployed.receiver.messages)

    eventually(
        lambda: _query(scraper.url, 'evenhand_alert_firing{check="drift"} == 1'),
        "the firing alert in Prometheus",
    )
    deployed.send(QUIET_AGAIN)
    eventually(lambda: _page(pages.url, "drift") is None, "the end of the drift page")
    states = deployed.api.get("/api/v1/alerts").json()["alerts"]
    assert [a["state"] for a in states if a["check"] == "drift"] == ["resolved"]

    for address in metrics:
        text = httpx.get(f"{address}/metrics").text
        checked = subprocess.run(
            [promtool(), "check", "metrics"],
            input=text,
            text=True,
            capture_output=True,
            check=False,
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def _page(url: str, check: str) -> Any:
    found = httpx.get(f"{url}/api/v2/alerts").raise_for_status().json()
    return next((page for page in found if page["labels"]["check"] == check), None)


def _query(url: str, expression: str) -> Any:
    answer = httpx.get(f"{url}/api/v1/query", params={"query": expression}).raise_for_status()
    return answer.json()["data"]["result"]


def _scrape_config(targets: list[str]) -> str:
    return json.dumps(
        {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [
                {
                    "job_name": "evenhand",
                    "honor_labels": True,
                    "static_configs": [{"targets": targets}],
                }
            ],
        }
    )

"""The demo: real programs, real data, three years in less than a minute.

client ─► evenhand collect (sidecar) ─► model server      evenhand run: door, detectors,
   └── labels, later and in another order ─► door         alerting, API ─► webhook receiver
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Self

import httpx

from governance.clock import SystemClock, format_duration
from governance.errors import TransientError
from governance.service.demo.census import reference_people, traffic_people
from governance.service.demo.prepare import demo_settings, prepare, write_settings
from governance.service.demo.programs import Program, accepts, free_port, running, says_ready
from governance.service.demo.receiver import Receiver, receiving
from governance.service.demo.summary import COLLECTED, Summary, summarise, total
from governance.service.demo.traffic import INSTANCES, InferenceClient, labels_of, request_id
from governance.service.demo.watch import Watch, scrape

if TYPE_CHECKING:
    from pathlib import Path

    from governance.service.demo.prepare import Prepared
    from governance.service.demo.tell import Voice

WINDOW = 5_000
LABEL_DELAY_WINDOWS = 2
LAG_WINDOWS = 2  # of events on their way; the pump holds 4 MiB, which is about eight
LABELS_PATH = "/api/v1/components/demo/census-employment/labels"
SETTLE_SECONDS = 45.0
_POLL_SECONDS = 0.25
_ADDRESS = re.compile(r"(\w+) on (http://\S+?)(?:/api/v1|/metrics)?(?=[;,\s]|$)")


@dataclass(frozen=True, slots=True)
class Stage:
    """The running demo: its programs, and the addresses that it says at the end."""

    prepared: Prepared
    receiver: Receiver
    sidecar: Program
    addresses: dict[str, str]


class Demo:
    """One performance in ``folder``."""

    def __init__(self, folder: Path, voice: Voice) -> None:
        self._folder = folder
        self._voice = voice
        self._clock = SystemClock()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self) -> tuple[Summary, dict[str, str]]:
        """Set everything up, send three years of traffic, and say what came of it."""
        start = self._clock.monotonic()
        self._voice.title()
        stage = self._set_up()
        watch = Watch(stage.addresses["API"])
        self._stack.callback(watch.close)
        self._send_traffic(stage, watch)
        self._settle(watch)
        samples = {
            "sidecar": scrape(f"{stage.addresses['sidecar admin']}/metrics"),
            "stages": scrape(f"{stage.addresses['metrics']}/metrics"),
        }
        seconds = self._clock.monotonic() - start
        summary = summarise(watch, stage.receiver.messages, samples, seconds)
        self._voice.end(summary)
        return summary, stage.addresses

    def _set_up(self) -> Stage:
        prepared = prepare(self._folder)
        voice, people = self._voice, reference_people()
        voice.fact(
            "model",
            "logistic regression on 16 census codes, fitted on "
            f"{len(people):,} people who were surveyed in 2015",
        )
        voice.fact("reference", f"the same year, sha256 {prepared.reference.id[:16]}…")
        receiver = self._stack.enter_context(receiving(prepared.secret))
        stages = self._run_stages(prepared, receiver)
        upstream = self._run_model()
        port, admin = free_port(), free_port()
        sidecar = self._run(
            "sidecar",
            [
                "collect",
                "--upstream",
                upstream,
                "--port",
                str(port),
                "--admin-port",
                str(admin),
                "--state-dir",
                str(self._folder / "sidecar"),
            ],
        )
        addresses = {
            "API": stages["API"],
            "door": stages["door"],
            "metrics": stages["metrics"],
            "sidecar": f"http://127.0.0.1:{port}",
            "sidecar admin": f"http://127.0.0.1:{admin}",
        }
        voice.fact("sidecar", f"{addresses['sidecar']} in front of the model at http://{upstream}")
        horizon = format_duration(prepared.component.spec.monitoring.label_horizon)
        voice.fact(
            "traffic",
            f"{len(traffic_people()):,} people surveyed 2016-2018, "
            f"{INSTANCES} a request; their labels come two windows later, and a window is judged "
            f"on labels once its label horizon of {horizon} has passed",
        )
        voice.blank()
        return Stage(prepared, receiver, sidecar, addresses)

    def _run_stages(self, prepared: Prepared, receiver: Receiver) -> dict[str, str]:
        database = os.environ.get("EVENHAND_DATABASE_URL")
        settings = demo_settings(
            prepared,
            bus=f"file:{self._folder / 'bus'}",
            database=database or f"sqlite:///{self._folder / 'evenhand.db'}",
            webhooks=receiver.url,
        )
        write_settings(self._folder / "settings.yaml", settings)
        program = self._run("stages", ["run", "--state-dir", str(self._folder / "state")])
        return {name: url.rstrip("/") for name, url in _ADDRESS.findall(program.said())}

    def _run_model(self) -> str:
        port = free_port()
        arguments = ["governance.service.demo.model_server", "--port", str(port)]
        address = f"127.0.0.1:{port}"
        program = running(self._folder, "model", arguments, lambda _: accepts(port))
        self._stack.enter_context(program)
        return address

    def _run(self, name: str, arguments: list[str]) -> Program:
        config = ["--config", str(self._folder / "settings.yaml")]
        argv = ["governance.service.cli.main", *arguments, *config]
        return self._stack.enter_context(running(self._folder, name, argv, says_ready))

    def _send_traffic(self, stage: Stage, watch: Watch) -> None:
        people = traffic_people()
        client = InferenceClient(stage.addresses["sidecar"].removeprefix("http://"))
        windows = range(-(-len(people) // WINDOW))
        for window in windows:
            for start in range(window * WINDOW, min((window + 1) * WINDOW, len(people)), INSTANCES):
                part = people.take(slice(start, start + INSTANCES))
                client.infer(request_id(start // INSTANCES), part)
                self._voice.progress(start + len(part), len(people))
            self._send_labels(stage, window - LABEL_DELAY_WINDOWS)
            self._tell(watch)
            self._keep_pace(stage, (window + 1) * WINDOW)
        client.close()
        for window in windows[-LABEL_DELAY_WINDOWS:]:
            self._send_labels(stage, window)

    def _keep_pace(self, stage: Stage, sent: int) -> None:
        """Let the sidecar catch up on a slow machine: what is too much it would drop and count."""
        deadline = self._clock.monotonic() + SETTLE_SECONDS
        while self._clock.monotonic() < deadline:
            samples = scrape(f"{stage.addresses['sidecar admin']}/metrics")
            if sent - total(samples, COLLECTED) <= LAG_WINDOWS * WINDOW:
                return
            Event().wait(_POLL_SECONDS)

    def _send_labels(self, stage: Stage, window: int) -> None:
        if window < 0:
            return
        people = traffic_people().take(slice(window * WINDOW, (window + 1) * WINDOW))
        labels = labels_of(window * WINDOW // INSTANCES, people, seed=window)
        answer = httpx.post(
            stage.addresses["door"] + LABELS_PATH, json=labels, timeout=30, trust_env=False
        )
        if answer.status_code != httpx.codes.ACCEPTED:
            raise TransientError(f"the door answered {answer.status_code}: {answer.text[:500]}")

    def _settle(self, watch: Watch) -> None:
        """Wait until the last window is closed, its labels are mature and messages are sent."""
        deadline = self._clock.monotonic() + SETTLE_SECONDS
        last = -(-len(traffic_people()) // WINDOW) - 1
        while self._clock.monotonic() < deadline:
            self._tell(watch)
            fair = watch.findings(check="equal_opportunity_difference")
            if (
                fair
                and fair[-1]["window"]["number"] == last
                and fair[-1]["status"] != "insufficient"
            ):
                break
            Event().wait(_POLL_SECONDS)
        Event().wait(2 * _POLL_SECONDS)
        self._tell(watch)

    def _tell(self, watch: Watch) -> None:
        for change in watch.changes():
            self._voice.change(change)

"""The shipped templates, evaluated by the release engines' own code against a real gate."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from governance.clock import SystemClock
from governance.config import Settings
from governance.finding import Status
from governance.metrics import Metrics
from governance.service.app import build_app
from governance.service.auth import Authority
from governance.service.build import build_alert_worker
from governance.service.http import bind, served
from tests.acceptance.program import eventually
from tests.alerting.stored import open_migrated
from tests.governance.service.test_api import tokens_file
from tests.governance.service.test_verdict import RATE, stored
from tests.testkit import oracles
from tests.testkit.cache import ServerMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.testkit.prometheus import PrometheusServer

pytestmark = [pytest.mark.slow, pytest.mark.servers]

EXAMPLES = Path(__file__).resolve().parents[2] / "docs/examples/release"


def example(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((EXAMPLES / name).read_text())
    return read


def asked(name: str, question: dict[str, Any]) -> dict[str, Any]:
    try:
        return oracles.ask(name, question)
    except ServerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Addresses of the API and of a scrape, over one database: good, bad, lost and stable."""
    folder = tmp_path_factory.mktemp("gate")
    store = open_migrated(folder)
    bad = replace(RATE, status=Status.BREACH, value=0.03, lower=0.02, upper=0.04)
    lost = replace(RATE, status=Status.INSUFFICIENT, value=None, reason="lost: half of it")
    stored(store, ("good", RATE), ("bad", bad), ("lost", lost), ("1", RATE))
    tokens = tokens_file(folder, gate={"roles": ["read"], "namespaces": ["shop"]})
    metrics = Metrics()
    build_alert_worker(Settings(), store, SystemClock(), metrics)
    with ExitStack() as stack:
        app = build_app(store, Authority.load(tokens, "127.0.0.1"))
        url = stack.enter_context(served(app, bind("127.0.0.1:0")))
        port, stop = metrics.serve("127.0.0.1", 0)
        stack.callback(stop)
        yield url, f"127.0.0.1:{port}"
    store.engine.dispose()


@pytest.fixture
def scraped(
    gate: tuple[str, str], prometheus: Callable[[str], PrometheusServer]
) -> PrometheusServer:
    """A Prometheus that has the gate's verdicts."""
    server = prometheus(
        "global: {scrape_interval: 1s}\nscrape_configs:\n"
        f"  - {{job_name: e, honor_labels: true, static_configs: [{{targets: ['{gate[1]}']}}]}}\n"
    )

    def there() -> bool:
        params = {"query": "count(evenhand_release_verdict)"}
        answer = httpx.get(f"{server.url}/api/v1/query", params=params).json()
        return bool(answer["data"]["result"])

    eventually(there, "verdicts in Prometheus")
    return server


@contextmanager
def answers(status: int, media: str, body: bytes) -> Iterator[str]:
    """A gate that answers so to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", media)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def web(url: str, version: str, token: str = "gate") -> dict[str, Any]:
    (metric,) = example("argo-analysis-web.yaml")["spec"]["metrics"]
    args = {"namespace": "shop", "component": "prices", "baseline": "1", "evenhand": url}
    return asked("argo", {"metric": metric, "args": {**args, "version": version, "token": token}})


@pytest.mark.parametrize(
    ("version", "phase"),
    [("good", "Successful"), ("bad", "Failed"), ("lost", "Error"), ("never-seen", "Error")],
)
def test_argo_takes_nothing_but_a_pass_for_success(
    gate: tuple[str, str], version: str, phase: str
) -> None:
    """Its web provider: pass is Successful, fail is Failed, not sure is an Error."""
    measured = web(gate[0], version)
    assert measured["phase"] == phase, measured


def test_argo_takes_trouble_for_an_error(gate: tuple[str, str]) -> None:
    """A wrong token, and a gate that is away."""
    assert web(gate[0], "good", token="wrong")["phase"] == "Error"
    assert web("http://127.0.0.1:9", "good")["phase"] == "Error"


@pytest.mark.parametrize("body", [b"<html>login</html>", b"", b"NaN"])
def test_why_a_gate_always_speaks_json(body: bytes) -> None:
    """The control: Argo calls 200 with anything that is no JSON Successful."""
    with answers(200, "text/html", body) as url:
        assert web(url, "bad")["phase"] == "Successful"
    with answers(502, "text/html", body) as url:
        assert web(url, "bad")["phase"] == "Error"


@pytest.mark.parametrize(
    ("version", "phase"),
    [
        ("good", "Successful"),
        ("bad", "Failed"),
        ("lost", "Inconclusive"),
        ("never-seen", "Inconclusive"),
    ],
)
def test_argo_over_prometheus_is_inconclusive_where_nothing_is_sure(
    scraped: PrometheusServer, version: str, phase: str
) -> None:
    """No series is neither success nor failure, because both conditions are guarded."""
    (metric,) = example("argo-analysis-prometheus.yaml")["spec"]["metrics"]
    args = {"namespace": "shop", "component": "prices", "prometheus": scraped.url}
    measured = asked("argo", {"metric": metric, "args": {**args, "version": version}})
    assert measured["phase"] == phase, measured


@pytest.mark.parametrize(
    ("version", "proceeds"), [("good", True), ("bad", False), ("lost", False), ("x", False)]
)
@pytest.mark.parametrize("hook", [0, 1])
def test_flaggers_webhooks_proceed_on_a_pass_alone(
    gate: tuple[str, str], version: str, hook: int, *, proceeds: bool
) -> None:
    """Traffic and promotion wait for everything else; the message holds the reason."""
    canary = example("flagger-canary.yaml")
    webhook = canary["spec"]["analysis"]["webhooks"][hook]
    path = webhook["url"].partition("/api/")[2].replace("TOKEN", "gate")
    webhook |= {"url": f"{gate[0]}/api/{path}", "metadata": {"version": version, "baseline": "1"}}
    canary["spec"]["analysis"]["webhooks"] = [webhook]
    answer = asked("flagger", {"canary": canary})
    assert answer["proceeds"] is proceeds, answer
    assert proceeds or '"verdict":"' in answer["message"].replace(" ", "")


@pytest.mark.parametrize(
    ("version", "proceeds", "words"),
    [("good", True, ""), ("bad", False, "0.00 < 1"), ("lost", False, "no values found")],
)
def test_flaggers_metric_halts_on_a_fail_and_on_nothing(
    scraped: PrometheusServer, version: str, words: str, *, proceeds: bool
) -> None:
    """The rendered query against a real Prometheus; an empty answer halts."""
    canary, template = example("flagger-canary.yaml"), example("flagger-metric-template.yaml")
    template["spec"]["provider"]["address"] = scraped.url
    canary["spec"]["analysis"]["metrics"][0]["templateVariables"] = {"version": version}
    answer = asked("flagger", {"canary": canary, "template": template})
    assert answer["proceeds"] is proceeds, answer
    assert words in answer["message"]

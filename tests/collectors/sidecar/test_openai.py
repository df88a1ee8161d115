"""A language model with real weights behind the sidecar: whole, streamed, cut, refused, killed.

Long tests: the server is compiled once (``python -m tests.testkit openai``). What it writes is not
repeatable, so that events are compared with the answers that the client got.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from collectors.sidecar.counters import Pump
from tests.collectors.sidecar import processes
from tests.collectors.sidecar.calls import exchanges
from tests.collectors.sidecar.processes import Sidecar, sidecar, wait_for
from tests.testkit.model_servers import start_openai

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.testkit.model_servers import ModelServer

pytestmark = pytest.mark.slow

COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: writer, namespace: shop}
spec:
  model: {name: smollm2, version: "1", modality: [text]}
  governance: {dataPrivacy: {level: open}}
  capture: {cpuBudget: 8}
"""
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
ASKED = {"messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": 12}
LONG = ASKED | {"max_tokens": 400, "stream": True}
REFUSAL = "I cannot help with that."
USAGE = ("prompt_tokens", "completion_tokens")
Event = dict[str, Any]


@dataclass(frozen=True)
class Behind:
    """A sidecar before the model, and what became of each request so far."""

    sidecar: Sidecar
    client: httpx.Client

    def events(self) -> list[Event]:
        """One a request, in order of their start; columns have one value."""
        self.sidecar.settle(60)
        found = exchanges(self.sidecar.bus_url)
        return [{name: values[0] for name, values in columns.items()} for _, columns in found]

    def event(self) -> Event:
        """That of the last request."""
        return self.events()[-1]

    def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return self.client.post(path, json=body)

    def begin(self, body: Mapping[str, Any]) -> http.client.HTTPConnection:
        """A request that is under way, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.sidecar.port, timeout=120)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", CHAT, json.dumps(body), headers)
        return connection


@pytest.fixture
def behind(
    openai: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Behind]:
    yield from _behind(openai.http_port, tmp_path, monkeypatch)


def _behind(port: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behind]:
    (folder / "writer.yaml").write_text(COMPONENT)
    monkeypatch.setattr(processes, "_COMPONENT", folder / "writer.yaml")
    with sidecar(folder, port) as running, httpx.Client(timeout=120) as client:
        client.base_url = f"http://127.0.0.1:{running.port}"
        yield Behind(running, client)


@pytest.mark.parametrize(
    ("path", "body"), [(CHAT, ASKED), (COMPLETIONS, {"prompt": "Once upon", "max_tokens": 9})]
)
def test_an_answer_is_an_event_with_its_usage(
    behind: Behind, path: str, body: dict[str, Any]
) -> None:
    """Tokens, finish reason and status are those of the answer that the client got."""
    answer = behind.post(path, body).json()
    event, choice = behind.event(), answer["choices"][0]
    assert (event["input_tokens"], event["output_tokens"]) == tuple(map(answer["usage"].get, USAGE))
    assert (event["status_code"], event["finish_reason"]) == (200, choice["finish_reason"])
    said = choice["text"] if path == COMPLETIONS else choice["message"]["content"]
    assert event["text.response_characters"] == len(said)
    assert (event["undecodable"], event["truncated"]) == (0, 0)


@pytest.mark.parametrize(
    ("path", "body"), [(CHAT, ASKED), (COMPLETIONS, {"prompt": "Once upon", "max_tokens": 9})]
)
def test_a_stream_is_an_event_with_its_chunks_counted(
    behind: Behind, path: str, body: dict[str, Any]
) -> None:
    """It passes to its [DONE]; tokens are chunks with text, the first was there before the last."""
    stream = behind.post(path, body | {"stream": True}).text
    *chunks, done = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    assert done == "[DONE]"
    choices = [json.loads(chunk)["choices"][0] for chunk in chunks]
    pieces = [one.get("text") or one.get("delta", {}).get("content") for one in choices]
    event = behind.event()
    assert event["output_tokens"] == sum(bool(piece) for piece in pieces)
    assert event["text.response_characters"] == len("".join(filter(None, pieces)))
    assert event["finish_reason"] == choices[-1]["finish_reason"]
    assert 0 < event["ttft_ms"] < event["latency_ms"]


def test_a_refusal_is_told_by_its_wording(behind: Behind) -> None:
    """Of two answers that a grammar dictates, word by word, one declines."""
    for said in (REFUSAL, "Here it is."):
        answer = behind.post(CHAT, ASKED | {"grammar": f'root ::= "{said}"'}).json()
        assert answer["choices"][0]["message"]["content"] == said
    assert [event["refusal"] for event in behind.events()] == [1, 0]


def test_failures_are_events(behind: Behind) -> None:
    """Too long, not JSON, of a wrong type: with the server's status, and how far they were read."""
    long = ASKED | {"messages": [{"role": "user", "content": "word " * 2_000}]}
    statuses = [behind.post(CHAT, body).status_code for body in (long, {"messages": "x"})]
    headers = {"Content-Type": "application/json"}
    statuses.append(behind.client.post(CHAT, content=b"{", headers=headers).status_code)
    events = behind.events()
    assert [event["status_code"] for event in events] == statuses
    assert statuses[0] == 400
    assert min(statuses) >= 400
    assert events[0]["finish_reason"] == "error"
    assert [event["undecodable"] for event in events] == [0, 1, 1]
    assert events[0]["text.words"] == 2_000


def test_a_client_that_leaves_in_mid_stream_is_an_event(behind: Behind) -> None:
    """With the tokens that it got, no reason why it ended, and the times that it took."""
    connection = behind.begin(LONG)
    response = connection.getresponse()
    got = b""
    while got.count(b'"content"') < 3:
        got += response.readline()
    _leave(connection, response)
    event = behind.event()
    assert event["status_code"] == 200
    assert 3 <= event["output_tokens"] < 400
    assert event.get("finish_reason") is None
    assert 0 < event["ttft_ms"] < event["latency_ms"]


def test_a_client_that_cannot_wait_is_an_event(behind: Behind) -> None:
    """It leaves before the first byte: its own doing, told by nginx's number for it."""
    words = {"messages": [{"role": "user", "content": "word " * 400}], "max_tokens": 50}
    connection = behind.begin(words)
    wait_for(lambda: behind.sidecar.counters.pump[Pump.BEGUN] == 1)
    _leave(connection)
    event = behind.event()
    assert (event["status_code"], event["finish_reason"]) == (499, "error")
    assert event["text.words"] == 400
    assert "output_tokens" not in event
    assert behind.sidecar.counters.pump[Pump.UPSTREAM_GONE] == 0


def test_a_stream_that_the_server_cuts_is_an_event(
    openai: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another request takes the model away, as this server does by default: both are events."""
    assert openai.http_port
    with start_openai("--interrupt") as server:
        for behind in _behind(server.http_port, tmp_path, monkeypatch):
            connection = behind.begin(LONG)
            response = connection.getresponse()
            cut = response.readline()
            second = behind.post(CHAT, ASKED)
            cut += _rest(response)
            connection.close()
            first, last = behind.events()
            assert second.status_code == last["status_code"] == 200
            assert last["output_tokens"] == second.json()["usage"]["completion_tokens"]
            assert first["output_tokens"] == cut.count(b'"content"') < 400
            assert first["status_code"] in {0, 200}  # as the server ends it


def test_a_server_that_dies_in_mid_stream_is_an_event_and_then_a_502(
    openai: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client hears the end of what there was; the next one is told, and counted."""
    assert openai.http_port
    with start_openai() as server:
        for behind in _behind(server.http_port, tmp_path, monkeypatch):
            connection = behind.begin(LONG)
            response = connection.getresponse()
            got = response.readline()
            server.process.kill()
            got += _rest(response)
            connection.close()
            assert behind.post(CHAT, ASKED).status_code == 502
            first, last = behind.events()
            assert (first["status_code"], first["finish_reason"]) == (0, "error")
            assert first["output_tokens"] == got.count(b'"content"')
            assert (last["status_code"], last["finish_reason"]) == (502, "error")
            assert behind.sidecar.counters.pump[Pump.UPSTREAM_REFUSED] == 1


def _rest(response: http.client.HTTPResponse) -> bytes:
    """What still comes, whether or not it ends as announced."""
    try:
        return response.read()
    except http.client.IncompleteRead as cut:
        return cut.partial


def _leave(
    connection: http.client.HTTPConnection, response: http.client.HTTPResponse | None = None
) -> None:
    """Close for good, so that the server is told."""
    if response is not None:
        response.close()
    connection.close()

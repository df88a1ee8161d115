"""Behind the sidecar a real MLServer: its bytes pass unchanged, and its answers become events."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import pytest

from tests.collectors.exchanges import GOLDEN
from tests.collectors.published_bodies import COLLECTION, numbers_in, values_sent
from tests.collectors.sidecar.calls import Call, Heard, exchanges, heard
from tests.collectors.sidecar.grpc_calls import model_infer, tell, tensors_of
from tests.collectors.sidecar.processes import sidecar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.testkit.model_servers import ModelServer

Behind = dict[str, Heard]

INFER = "/v2/models/{}/infer"
IRIS = (
    b'{"id":"r1","inputs":[{"name":"x","shape":[2,4],"datatype":"FP32",'
    b'"data":[[6.8,2.8,4.8,1.4],[5.1,3.5,1.4,0.2]]}]}'
)
FEATURES = {"x[0]": [6.8, 5.1], "x[1]": [2.8, 3.5], "x[2]": [4.8, 1.4], "x[3]": [1.4, 0.2]}
TEXT = "we hold these truths"
WORDS = '{"id":"r2","inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["%s"]}]}'
CALLS = {
    "plain": Call(INFER.format("iris"), IRIS),
    "gzip": Call(INFER.format("iris"), gzip.compress(IRIS), {"Content-Encoding": "gzip"}),
    "chunked": Call(INFER.format("iris"), IRIS, chunks=7),
    "versioned": Call("/v2/models/iris/versions/v7/infer", IRIS),
    "broken": Call(INFER.format("broken"), IRIS),
    "null": Call(INFER.format("iris"), IRIS.replace(b"4.8", b"null")),
    "datatype": Call(INFER.format("iris"), IRIS.replace(b"FP32", b"FP322")),
    "cut": Call(INFER.format("iris"), IRIS[:-9]),
    "output": Call(INFER.format("iris"), IRIS[:-1] + b',"outputs":[{"name":"nobody"}]}'),
    "absent": Call(INFER.format("nobody"), IRIS),
    "words": Call("/v2/models/words/infer_stream", (WORDS % TEXT).encode()),
    "streamed": Call("/v2/models/iris/infer_stream", IRIS),
    "generated": Call("/v2/models/iris/generate", IRIS),
    "written": Call("/v2/models/words/generate_stream", (WORDS % TEXT).encode()),
}
WAYS = ("plain", "gzip", "chunked", "versioned")
PUBLISHED = COLLECTION if COLLECTION.is_dir() else GOLDEN
BODIES = {path.name: path for path in sorted((PUBLISHED / "oip-v2-rest").glob("*.json"))}
REFUSED = (
    "bytes_conv_mnist",
    "iris_input_v4",
    "invalid",
    "response",
)  # no list as shape, no inputs
UNREADABLE = ("invalid", "response")  # also the metadata of a model: its tensors have no data
GRPC_BODIES = sorted((COLLECTION / "oip-v2-grpc-json").glob("*.json"))


@pytest.fixture(scope="module")
def behind(mlserver: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Behind:
    """What became of each call, and of each published body."""
    echo = INFER.format("echo")
    calls = CALLS | {name: Call(echo, path.read_bytes()) for name, path in BODIES.items()}
    found = heard(tmp_path_factory.mktemp("sidecar"), mlserver.http_port, list(calls.values()))
    return dict(zip(calls, found, strict=True))


def test_what_the_client_gets_is_what_mlserver_says(behind: Behind) -> None:
    """Every answer, good or bad, whole or streamed, is the same bytes as without the sidecar."""
    assert {name for name, call in behind.items() if call.through != call.direct} == set()


@pytest.mark.parametrize("name", [*WAYS, "streamed", "generated"])
def test_a_request_is_read_however_it_is_sent(behind: Behind, name: str) -> None:
    """Compressed, chunked, versioned, streamed, generated: the same features and prediction."""
    event = behind[name]
    assert (event.status, event.columns["status_code"]) == (200, [200, 200])
    assert event.features == FEATURES
    assert event.columns["prediction"] == [1.0, 0.0]
    assert event.version == "v7"


@pytest.mark.parametrize(
    ("name", "status", "features"),
    [
        ("broken", 500, FEATURES),
        ("null", 500, FEATURES | {"x[2]": [None, 1.4]}),
        ("output", 400, FEATURES),
        ("absent", 404, FEATURES),
        ("datatype", 422, {}),
        ("cut", 422, {}),
    ],
)
def test_a_failure_is_an_event(
    behind: Behind, name: str, status: int, features: dict[str, list[float | None]]
) -> None:
    """With the status that MLServer gave, and with what could be read of the request."""
    event = behind[name]
    assert event.status == status
    assert set(event.columns["status_code"]) == {status}
    assert event.features == features
    assert set(event.columns["undecodable"]) == {0 if features else 1}
    assert "prediction" not in event.columns
    assert event.version == "1"  # an error names none: the component's word counts


@pytest.mark.parametrize("name", ["words", "written"])
def test_a_streamed_text_is_put_together(behind: Behind, name: str) -> None:
    """One event for the stream: its whole text, and the time to its first byte."""
    event = behind[name]
    assert event.direct.count(b"data: {") == len(TEXT.split())
    assert event.columns["prediction"] == [f"{TEXT} "]
    (first,), (last,) = event.columns["ttft_ms"], event.columns["latency_ms"]
    assert 0 < first <= last


@pytest.mark.parametrize("name", BODIES)
def test_a_published_body_is_read_as_mlserver_reads_it(behind: Behind, name: str) -> None:
    """What MLServer accepts is an event with the numbers sent; what it refuses is one too."""
    event = behind[name]
    assert event.status == (422 if any(word in name for word in REFUSED) else 200)
    assert set(event.columns["status_code"]) == {event.status}
    unreadable = any(word in name for word in UNREADABLE)
    assert set(event.columns["undecodable"]) == {int(unreadable)}
    if not unreadable:
        sent = numbers_in(values_sent(BODIES[name].read_bytes()))
        assert sorted(numbers_in(event.features)) == sorted(sent)


def test_grpc_passes_unchanged_and_is_read(mlserver: ModelServer, tmp_path: Path) -> None:
    """Typed and raw tensors, and failures: the same messages, and events with their statuses."""
    row = [6.8, 2.8, 4.8, 1.4]
    iris = {"name": "x", "datatype": "FP64", "shape": [1, 4], "contents": {"fp64_contents": row}}
    raw = struct.pack("<4d", *row)
    requests = [
        model_infer("iris", [iris]),
        model_infer("iris", [{**iris, "contents": {}}], [raw]),
        model_infer("broken", [iris]),
        model_infer("nobody", [iris]),
        *[model_infer("echo", tensors_of(path)) for path in GRPC_BODIES],
    ]
    direct = tell(mlserver.grpc_port, requests)
    with sidecar(tmp_path, mlserver.grpc_port) as running:
        through = tell(running.port, requests)
        running.settle()
        assert running.stop() == 0
        events = [columns for _, columns in exchanges(running.bus_url)]
    assert through == direct
    codes = ["OK", "OK", "INTERNAL", "NOT_FOUND"] + ["OK"] * len(GRPC_BODIES)
    assert [told.code for told in direct] == codes
    assert [columns["status_code"][0] for columns in events[:4]] == [200, 200, 500, 404]
    for columns in events[:4]:
        assert [columns[f"tabular.x[{i}]"] for i in range(4)] == [[value] for value in row]
    assert [columns.get("prediction") for columns in events[:4]] == [[1.0], [1.0], None, None]
    for path, columns in zip(GRPC_BODIES, events[4:], strict=True):
        features = {name: of for name, of in columns.items() if name.startswith("tabular.")}
        sent = [tensor["contents"] for tensor in tensors_of(path)]
        as_float32 = pytest.approx(sorted(numbers_in(sent)), rel=2**-24)
        assert sorted(numbers_in(features)) == as_float32

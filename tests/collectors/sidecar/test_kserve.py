"""Behind the sidecar the KServe ModelServer: V1, V2, binary tensors and gRPC, as it speaks them."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tests.collectors.exchanges import GOLDEN
from tests.collectors.published_bodies import COLLECTION, numbers_in, values_sent
from tests.collectors.sidecar.calls import Call, Heard, exchanges, heard
from tests.collectors.sidecar.grpc_calls import model_infer, tell
from tests.collectors.sidecar.processes import sidecar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.testkit.model_servers import ModelServer

Behind = dict[str, Heard]

V1, V2 = "/v1/models/{}:predict", "/v2/models/{}/infer"
ROWS = [[6.5, 3.0, 5.5, 2.0], [5.0, 3.5, 1.5, 0.25]]  # exact as float32
FEATURES = [[first, second] for first, second in zip(*ROWS, strict=True)]
BINARY = {"Content-Type": "application/octet-stream"}


def tensor(**changes: Any) -> dict[str, Any]:
    """The rows as a tensor of V2."""
    return {"name": "x", "shape": [2, 4], "datatype": "FP32", "data": ROWS} | changes


def v2_body(tensors: list[dict[str, Any]], **more: Any) -> bytes:
    return json.dumps({"id": "r1", "inputs": tensors} | more).encode()


def binary(model: str, **more: Any) -> Call:
    """The rows as bytes behind the JSON."""
    raw = struct.pack("<8f", *ROWS[0], *ROWS[1])
    described = tensor(parameters={"binary_data_size": len(raw)})
    described.pop("data")
    head = v2_body([described], **more)
    headers = BINARY | {"Inference-Header-Content-Length": str(len(head))}
    return Call(V2.format(model), head + raw, headers)


def v1_body(rows: Any) -> bytes:
    return json.dumps({"instances": rows}).encode()


WANTS_BINARY = {"outputs": [{"name": "output-0", "parameters": {"binary_data": True}}]}
CALLS = {
    "v1": Call(V1.format("iris"), v1_body(ROWS)),
    "v1 chunked": Call(V1.format("iris"), v1_body(ROWS), chunks=11),
    "v2": Call(V2.format("iris"), v2_body([tensor()])),
    "v2 chunked": Call(V2.format("iris"), v2_body([tensor()]), chunks=11),
    "v2 binary in": binary("iris"),
    "v2 binary out": Call(V2.format("iris"), v2_body([tensor()], **WANTS_BINARY)),
    "v2 binary both": binary("iris", **WANTS_BINARY),
    "v1 broken": Call(V1.format("broken"), v1_body(ROWS)),
    "v1 absent": Call(V1.format("nobody"), v1_body(ROWS)),
    "v1 rows of text": Call(V1.format("iris"), v1_body([{"city": "Trento"}])),
    "v1 no instances": Call(V1.format("iris"), b'{"inputs": [[1.0, 2.0, 3.0, 4.0]]}'),
    "v1 nothing": Call(V1.format("iris"), b"{}"),
    "v2 broken": Call(V2.format("broken"), v2_body([tensor()])),
    "v2 datatype": Call(V2.format("iris"), v2_body([tensor(datatype="FP322")])),
    "v2 shape": Call(V2.format("iris"), v2_body([tensor(shape=[2, 5])])),
    "v2 cut": Call(V2.format("iris"), v2_body([tensor()])[:-9]),
    "v2 versioned": Call("/v2/models/iris/versions/8/infer", v2_body([tensor()])),
}
PUBLISHED = COLLECTION if COLLECTION.is_dir() else GOLDEN
PLACES = {"kserve-v1": V1, "oip-v2-rest": V2}
BODIES = {path.name: path for of in PLACES for path in sorted((PUBLISHED / of).glob("*.json"))}
# A list of requests (KServe's agent makes one of it), a shape that is no list, rows as inputs,
# an output that echo does not have, and what is no request.
REFUSED = {
    "iris_batch_input": 500,
    "bytes_conv_mnist": 422,
    "iris_input_v4": 422,
    "iris_input_v2_binary": 400,
    "runtimes_sklearn": 400,
    "invalid-datatype": 400,
    "response": 422,
}
UNREADABLE = ("invalid", "response")


@pytest.fixture(scope="module")
def behind(kserve: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Behind:
    """What became of each call, and of each published body."""
    calls = CALLS | {
        name: Call(PLACES[path.parent.name].format("echo"), path.read_bytes())
        for name, path in BODIES.items()
    }
    found = heard(tmp_path_factory.mktemp("sidecar"), kserve.http_port, list(calls.values()))
    return dict(zip(calls, found, strict=True))


def test_what_the_client_gets_is_what_kserve_says(behind: Behind) -> None:
    """Every answer, good or bad, JSON or binary, is the same bytes as without the sidecar."""
    assert {name for name, call in behind.items() if call.through != call.direct} == set()


@pytest.mark.parametrize("name", ["v1", "v1 chunked"])
def test_v1_is_read(behind: Behind, name: str) -> None:
    """Rows become features, predictions are read; V1 names no version: the component's counts."""
    event = behind[name]
    assert event.columns["status_code"] == [200, 200]
    assert list(event.features.values()) == FEATURES
    assert event.columns["prediction"] == [2.0, 0.0]
    assert event.version == "1"


@pytest.mark.parametrize(
    "name", ["v2", "v2 chunked", "v2 binary in", "v2 binary out", "v2 binary both"]
)
def test_v2_is_read_in_json_and_in_bytes(behind: Behind, name: str) -> None:
    """Tensors as JSON or as bytes, in either direction: the same features and prediction."""
    event = behind[name]
    assert event.columns["status_code"] == [200, 200]
    assert list(event.features.values()) == FEATURES
    assert event.columns["prediction"] == [2.0, 0.0]
    assert event.version == "7"
    assert (b"inference-header-content-length" in event.direct.lower()) == (
        name in {"v2 binary out", "v2 binary both"}
    )


@pytest.mark.parametrize(
    ("name", "status", "features", "undecodable"),
    [
        ("v1 broken", 500, FEATURES, 0),
        ("v1 absent", 404, FEATURES, 0),
        ("v1 rows of text", 500, [["Trento"]], 0),
        ("v1 no instances", 500, [[1.0], [2.0], [3.0], [4.0]], 0),  # columnar: V1 knows it
        ("v1 nothing", 500, [], 1),
        ("v2 broken", 500, FEATURES, 0),
        ("v2 datatype", 400, [], 1),
        ("v2 shape", 500, [], 1),
        ("v2 cut", 422, [], 1),
        ("v2 versioned", 501, FEATURES, 0),
    ],
)
def test_a_failure_is_an_event(
    behind: Behind, name: str, status: int, features: list[list[Any]], undecodable: int
) -> None:
    """With the status that KServe gave, and with what could be read of the request."""
    event = behind[name]
    assert event.status == status
    assert set(event.columns["status_code"]) == {status}
    assert list(event.features.values()) == features
    assert set(event.columns["undecodable"]) == {undecodable}
    assert "prediction" not in event.columns


@pytest.mark.parametrize("name", BODIES)
def test_a_published_body_is_read_as_kserve_reads_it(behind: Behind, name: str) -> None:
    """What KServe accepts is an event with the numbers sent; what it refuses is one too."""
    event = behind[name]
    refused = [status for word, status in REFUSED.items() if word in name]
    assert [event.status] == (refused or [200])[-1:]
    assert set(event.columns["status_code"]) == {event.status}
    unreadable = any(word in name for word in UNREADABLE)
    assert set(event.columns["undecodable"]) == {int(unreadable)}
    if not unreadable:
        sent = numbers_in(values_sent(BODIES[name].read_bytes()))
        assert sorted(numbers_in(event.features)) == sorted(sent)


def test_grpc_passes_unchanged_and_is_read(kserve: ModelServer, tmp_path: Path) -> None:
    """Typed tensors are answered typed, raw ones raw, failures fail: all the same, all events."""
    (row, *_), exact = ROWS, {"name": "x", "datatype": "FP64", "shape": [1, 4]}
    iris = {**exact, "contents": {"fp64_contents": row}}
    requests = [
        model_infer("iris", [iris]),
        model_infer("iris", [exact], [struct.pack("<4d", *row)]),
        model_infer("broken", [iris]),
        model_infer("nobody", [iris]),
    ]
    direct = tell(kserve.grpc_port, requests)
    with sidecar(tmp_path, kserve.grpc_port) as running:
        through = tell(running.port, requests)
        running.settle()
        assert running.stop() == 0
        events = exchanges(running.bus_url)
    assert through == direct
    assert [told.code for told in direct] == ["OK", "OK", "INTERNAL", "NOT_FOUND"]
    assert [version for version, _ in events] == ["7", "7", "1", "1"]
    assert [columns["status_code"] for _, columns in events] == [[200], [200], [500], [404]]
    for _, columns in events:
        assert [columns[f"tabular.x[{i}]"] for i in range(4)] == [[value] for value in row]
    assert [columns.get("prediction") for _, columns in events] == [[2.0], [2.0], None, None]

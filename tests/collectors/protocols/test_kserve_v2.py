import time
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.protocols.inputs import DATATYPES
from collectors.protocols.kserve_v2 import KServeV2
from collectors.read import decode
from governance.errors import CaptureError
from tests.collectors.exchanges import V2_PATH, body, exchange

V2 = KServeV2()


def tensor(data: Any, shape: Any = None, datatype: str = "FP64", name: str = "x") -> dict[str, Any]:
    fields = {"name": name, "datatype": datatype, "data": data}
    return fields if shape is None else fields | {"shape": shape}


def inputs(*tensors: Any) -> dict[str, list[Any]]:
    inference = decode(V2, exchange(V2_PATH, {"inputs": list(tensors)}))
    return {name: array.tolist() for name, array in inference.inputs.items()}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/models/m/infer"),
        ("POST", "/v2/models/m"),
        ("POST", "/v2/repository/index"),
        ("GET", "/v2/health/ready"),
    ],
)
def test_metadata_and_health_are_no_inference(method: str, path: str) -> None:
    """Only a POST to /infer is an inference; everything else passes."""
    assert not V2.matches(method, path)


@pytest.mark.parametrize("path", ["/v2/models/m/infer", "/v2/models/m/versions/2/infer"])
def test_infer_is_an_inference(path: str) -> None:
    """With or without a version in the path."""
    assert V2.matches("POST", path)


@pytest.mark.parametrize("datatype", sorted(DATATYPES))
def test_every_datatype_is_read(datatype: str) -> None:
    """Whatever the datatype, the values are those of the JSON."""
    special: dict[str, list[Any]] = {"BOOL": [True, False], "BYTES": ["a", "b"]}
    data = special.get(datatype, [1, 2])
    assert inputs(tensor(data, [2], datatype)) == {"x": data}


@pytest.mark.parametrize(
    ("data", "shape", "expected"),
    [
        ([1, 2, 3, 4], [2, 2], [[1, 2], [3, 4]]),
        ([[1, 2], [3, 4]], [2, 2], [[1, 2], [3, 4]]),
        ([[1, 2], [3, 4]], [4], [1, 2, 3, 4]),
        ([1, 2, 3, 4], [-1, 2], [[1, 2], [3, 4]]),
        ([1, 2, 3, 4], [2, -1], [[1, 2], [3, 4]]),
        ([1, 2, 3, 4], [-1, -1], [1, 2, 3, 4]),
        ([[1, 2], [3, 4]], [-1, -1], [[1, 2], [3, 4]]),
        ([1, 2, 3], [], [1, 2, 3]),
        ([1, 2, 3], None, [1, 2, 3]),
        ([[1, [2]], [3]], [3], [1, 2, 3]),
        (7, -1, [7]),
        ([], [0], []),
        ([1, 2, 3], [-1, 2], [1, 2, 3]),
    ],
)
def test_nesting_and_unknown_sizes_are_tolerated(data: Any, shape: Any, expected: Any) -> None:
    """Flat or nested, shape known, partly known or absent: one reading is enough."""
    assert inputs(tensor(data, shape)) == {"x": expected}


def test_one_value_serves_all_instances() -> None:
    """A parameter of one row beside n rows holds for each of them."""
    assert inputs(tensor([1, 2], [2]), tensor([9], [1], name="p")) == {"x": [1, 2], "p": [9, 9]}


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({}, "no_inputs"),
        ([], "no_inputs"),
        ({"inputs": [tensor([1], [1], "INT322")]}, "datatype"),
        ({"inputs": [{"name": "x", "datatype": ["FP32"], "data": [1]}]}, "datatype"),
        ({"inputs": [tensor([1, 2, 3], [2])]}, "element_count"),
        ({"inputs": [tensor([1], [2**70, 2**70])]}, "element_count"),
        ({"inputs": [tensor([[1, 2], [3]], [-1, 2])]}, "ragged"),
        ({"inputs": [tensor([1, 2], [2]), tensor([1, 2, 3], [3], name="y")]}, "ragged"),
        ({"inputs": [tensor([1], ["1"])]}, "shape"),
        ({"inputs": [tensor([1], [1.0])]}, "shape"),
        ({"inputs": [tensor([1], [1] * 65)]}, "shape"),
        ({"inputs": [{"name": "x", "shape": [1], "datatype": "FP32"}]}, "no_data"),
        (
            {"inputs": [{"name": "x", "datatype": "FP32", "parameters": {"binary_data_size": 4}}]},
            "binary",
        ),
        ({"inputs": [tensor([1], [1]), 5]}, "ragged"),
        (b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}", "nesting"),
    ],
)
def test_what_has_no_one_reading_is_refused(request_: Any, reason: str) -> None:
    """Unknown datatype, wrong element count, rows that do not fit, no data."""
    with pytest.raises(CaptureError) as error:
        decode(V2, exchange(V2_PATH, request_))
    assert error.value.reason == reason


def binary(head: Any, *parts: bytes) -> tuple[bytes, dict[str, str]]:
    """A body with binary parts, and its headers."""
    text = body(head)
    return text + b"".join(parts), {"inference-header-content-length": str(len(text))}


def binary_tensor(array: Any, datatype: str, name: str = "x") -> tuple[dict[str, Any], bytes]:
    raw = array if isinstance(array, bytes) else array.tobytes()
    shape = [3] if isinstance(array, bytes) else list(array.shape)
    parameters = {"binary_data_size": len(raw)}
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": parameters}, raw


BINARY = {
    "FP64": (np.array([0.5, -1.5, 1e300]), [0.5, -1.5, 1e300]),
    "FP32": (np.array([0.5, -1.5, 3.0], np.float32), [0.5, -1.5, 3.0]),
    "FP16": (np.array([0.5, -1.5, 3.0], np.float16), [0.5, -1.5, 3.0]),
    "BF16": (np.array([0x3F00, 0xBFC0, 0x4040], np.uint16), [0.5, -1.5, 3.0]),
    "INT64": (np.array([1, -2, 2**62]), [1, -2, 2**62]),
    "UINT8": (np.array([0, 7, 255], np.uint8), [0, 7, 255]),
    "BOOL": (np.array([True, False, True]), [True, False, True]),
    "BYTES": (b"\2\0\0\0ab\0\0\0\0\1\0\0\0\xff", ["ab", "", b"\xff"]),
}


@pytest.mark.parametrize("datatype", BINARY)
def test_binary_tensors_are_read(datatype: str) -> None:
    """Values come behind the JSON in both directions, beside tensors that have theirs in it."""
    array, expected = BINARY[datatype]
    described, raw = binary_tensor(array, datatype)
    plain = tensor([1, 2, 3], [3], name="y")
    second, more = binary_tensor(np.array([1, 2, 3], np.int32), "INT32", "z")
    request, headers = binary({"inputs": [described, plain, second]}, raw, more)
    response, answered = binary({"outputs": [{**described, "name": "o"}]}, raw)
    seen = exchange(V2_PATH, request, response, request_headers=headers, response_headers=answered)
    inference = decode(V2, seen)
    found = {name: array.tolist() for name, array in inference.inputs.items()}
    assert found == {"x": expected, "y": [1, 2, 3], "z": [1, 2, 3]}
    assert inference.outputs["o"].tolist() == expected
    assert inference.refused is None


@pytest.mark.parametrize(
    ("size", "raw", "length"),
    [
        (4, b"", None),
        (4, b"12345678", None),
        (3, b"123", None),
        (-1, b"", None),
        ("4", b"1234", None),
        (4, b"1234", "x"),
        (4, b"1234", "9999"),
        (4, b"1234", "-3"),
    ],
)
def test_binary_parts_that_do_not_fit_are_refused(
    size: Any, raw: bytes, length: str | None
) -> None:
    """Too short, too long, no whole number of elements, a head of no length."""
    parameters = {"binary_data_size": size}
    head = {"name": "x", "datatype": "FP32", "shape": [1], "parameters": parameters}
    request, headers = binary({"inputs": [head]}, raw)
    if length is not None:
        headers = {"inference-header-content-length": length}
    with pytest.raises(CaptureError) as error:
        decode(V2, exchange(V2_PATH, request, request_headers=headers))
    assert error.value.reason in {"binary", "not_json", "element_count"}


def test_a_broken_binary_answer_loses_only_its_outputs() -> None:
    """The inputs stay, and the reason is said."""
    headers = {"inference-header-content-length": "20"}
    request = {"inputs": [tensor([1], [1])]}
    inference = decode(V2, exchange(V2_PATH, request, b"\x00", response_headers=headers))
    assert inference.inputs["x"].tolist() == [1]
    assert inference.refused is not None
    assert inference.refused.reason == "binary"


def test_identity_and_version_are_kept() -> None:
    """The id of either side, and the version that the response names before the path's."""
    request = {"id": "a", "inputs": [tensor([1], [1])]}
    response = {"id": "b", "model_version": "3", "outputs": [tensor([0.5], [1], name="y")]}
    inference = decode(V2, exchange("/v2/models/m/versions/2/infer", request, response))
    assert (inference.parsed[0].request_id, inference.parsed[0].response_id) == ("a", "b")
    assert (inference.parsed[0].version, V2.version("/v2/models/m/versions/2/infer")) == ("3", "2")
    assert inference.outputs["y"].tolist() == [0.5]


@given(
    st.integers(1, 4).flatmap(
        lambda d: st.lists(
            st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=d, max_size=d),
            min_size=1,
            max_size=5,
        )
    )
)
def test_numbers_survive_unchanged(rows: list[list[float]]) -> None:
    """Nested and flat data give the same array, equal to the numbers that were sent."""
    shape = [len(rows), len(rows[0])]
    flat = [value for row in rows for value in row]
    assert inputs(tensor(rows, shape)) == inputs(tensor(flat, shape)) == {"x": rows}


def test_a_million_values_are_read_without_python_per_value() -> None:
    """10^6 numbers in one tensor take well below the second that a Python loop needs."""
    rng = np.random.default_rng(0)
    body = msgspec.json.encode({"inputs": [tensor(rng.random(10**6).tolist(), [100_000, 10])]})
    seen = exchange(V2_PATH, body)
    started = time.process_time()
    inference = decode(V2, seen)
    assert inference.inputs["x"].shape == (100_000, 10)
    assert time.process_time() - started < 1.0

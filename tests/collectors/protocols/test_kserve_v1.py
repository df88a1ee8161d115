import math
from typing import Any

import pytest

from collectors.protocols.kserve_v1 import KServeV1
from collectors.read import decode
from governance.errors import CaptureError
from tests.collectors.exchanges import V1_PATH, exchange

V1 = KServeV1()


def inputs(request: Any) -> dict[str, list[Any]]:
    return {
        name: array.tolist()
        for name, array in decode(V1, exchange(V1_PATH, request)).inputs.items()
    }


def outputs(response: Any, n: int = 2) -> dict[str, list[Any]]:
    inference = decode(V1, exchange(V1_PATH, {"instances": [0] * n}, response))
    return {name: array.tolist() for name, array in inference.outputs.items()}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/m:predict"),
        ("POST", "/v1/models/m:explain"),
        ("POST", "/v1/models/m"),
        ("POST", "/x/v1/models/m:predict"),
        ("POST", "/v1/models/m:predict/more"),
    ],
)
def test_every_other_method_and_path_passes(method: str, path: str) -> None:
    """Only a POST to :predict is an inference."""
    assert not V1.matches(method, path)


@pytest.mark.parametrize("path", ["/v1/models/m:predict", "/v1/models/m/versions/2:predict"])
def test_predict_is_an_inference(path: str) -> None:
    """With or without a version in the path."""
    assert V1.matches("POST", path)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"instances": [1, 2.5]}, {"instances": [1.0, 2.5]}),
        ({"instances": [[1, 2], [3, 4]]}, {"instances": [[1, 2], [3, 4]]}),
        ({"instances": [{"a": 1, "b": "x"}, {"b": "y"}]}, {"a": [1.0, math.nan], "b": ["x", "y"]}),
        ({"inputs": {"a": [1, 2], "b": ["x", "y"]}}, {"a": [1, 2], "b": ["x", "y"]}),
        ({"inputs": {"a": [1, 2], "b": "x"}}, {"a": [1, 2], "b": ["x", "x"]}),
        ({"inputs": [[1, 2], [3, 4]]}, {"inputs": [[1, 2], [3, 4]]}),
        ({"inputs": "text"}, {"inputs": ["text"]}),
        ({"inputs": [{"a": {"0": 5, "1": 6}}]}, {"a": [5, 6]}),
        ({"inputs": [{"a": [1]}, {"a": [2]}]}, {"a": [1, 2]}),
        ({"inputs": [{"a": 1}, {"a": 2}]}, {"a": [1, 2]}),
        ({"inputs": [{"a": 1}, {"b": 2}]}, {"a": [1], "b": [2]}),
        ({"inputs": [[{"a": 1}, {"b": 2}]]}, {"a": [1], "b": [2]}),
        ({"inputs": [[{"a": 1}, {"a": 2}]]}, {"a": [1, 2]}),
        ([{"instances": [1]}, {"instances": [2, 3]}], {"instances": [1, 2, 3]}),
    ],
)
def test_rows_and_columns_are_read(request_: Any, expected: dict[str, list[Any]]) -> None:
    """Row form, column form and lists of either give named arrays, one row per instance."""
    assert repr(inputs(request_)) == repr(expected)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"predictions": [1, 0]}, {"predictions": [1, 0]}),
        (
            {"predictions": [{"label": "a", "score": 0.9}, {"label": "b", "score": 0.8}]},
            {"label": ["a", "b"], "score": [0.9, 0.8]},
        ),
        ({"outputs": {"label": ["a", "b"]}}, {"label": ["a", "b"]}),
        ({"predictions": {"label": ["a", "b"]}}, {"label": ["a", "b"]}),
    ],
)
def test_predictions_are_read(response: Any, expected: dict[str, list[Any]]) -> None:
    """Lists, objects and columns of predictions become outputs."""
    assert outputs(response) == expected


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({}, "no_inputs"),
        ([], "no_inputs"),
        ([1], "no_inputs"),
        (5, "no_inputs"),
        ({"instances": {"a": 1}}, "no_inputs"),
        ({"instances": [[1, 2], [3]]}, "ragged"),
        ({"instances": [{"a": 1}, 2]}, "ragged"),
        ({"inputs": {"a": [1, 2], "b": [1, 2, 3]}}, "ragged"),
        (b"not json", "not_json"),
    ],
)
def test_what_has_no_one_reading_is_refused(request_: Any, reason: str) -> None:
    """Neither instances nor inputs, or rows that do not fit each other."""
    with pytest.raises(CaptureError) as error:
        inputs(request_)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"predictions": [1]}, "instances"),
        ({"error": "x"}, "no_outputs"),
        ([1, 2], "no_outputs"),
        (b"<html>", "not_json"),
    ],
)
def test_an_unreadable_answer_keeps_the_inputs(response: Any, reason: str) -> None:
    """Inputs stay; the inference says why it has no outputs."""
    inference = decode(V1, exchange(V1_PATH, {"instances": [1, 2]}, response))
    assert inference.n == 2
    assert inference.outputs == {}
    assert inference.refused is not None
    assert inference.refused.reason == reason


@pytest.mark.parametrize("status", [0, 400, 503])
def test_a_failure_has_inputs_and_no_outputs(status: int) -> None:
    """An error body is neither outputs nor a reason to refuse."""
    answer = exchange(V1_PATH, {"instances": [1]}, {"predictions": [1]}, status=status)
    inference = decode(V1, answer)
    assert (inference.n, dict(inference.outputs), inference.refused) == (1, {}, None)


def test_the_version_is_in_the_path() -> None:
    """TensorFlow Serving names the version of the model in the path."""
    assert V1.version("/v1/models/m/versions/7:predict") == "7"
    assert V1.version("/v1/models/m:predict") is None

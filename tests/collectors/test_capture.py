from typing import Any

import numpy as np
import pytest

from collectors.capture import MAX_INSTANCES, Capture, body_limit
from governance.errors import CaptureError, ConfigError
from governance.wire.columns import decode_events, encode_events
from tests.collectors.exchanges import (
    CHAT_PATH,
    KEYED,
    V1_PATH,
    V2_PATH,
    captured,
    component,
    exchange,
    values,
)

ROWS = {"instances": [{"age": 31, "job": "nurse"}, {"age": 47.5, "job": None}]}
TENSORS = {
    "inputs": [
        {"name": "age", "datatype": "FP64", "shape": [2], "data": [31, 47]},
        {"name": "sex", "datatype": "INT32", "shape": [2, 1], "data": [1, 2]},
    ]
}
SCORED = {
    "model_version": "3",
    "outputs": [
        {"name": "predict", "datatype": "INT64", "shape": [2, 1], "data": [1, 0]},
        {
            "name": "predict_proba",
            "datatype": "FP64",
            "shape": [2, 2],
            "data": [0.1, 0.9, 0.7, 0.3],
        },
    ],
}


def refused(seen: Any, **spec: Any) -> str:
    with pytest.raises(CaptureError) as error:
        captured(seen, **spec)
    return error.value.reason


def test_everything_has_a_default() -> None:
    """Without signals: all inputs, the named prediction and score, the response's version."""
    batch = captured(exchange(V2_PATH, TENSORS, SCORED))
    assert (batch.version, batch.n) == ("3", 2)
    assert values(batch, "tabular.age") == [31, 47]
    assert values(batch, "tabular.sex") == [1, 2]
    assert values(batch, "prediction") == [1, 0]
    assert values(batch, "score") == [0.9, 0.3]
    assert values(batch, "favourable") == [-1, -1]
    assert values(batch, "status_code") == [200, 200]
    assert values(batch, "latency_ms") == [12.5, 12.5]
    assert values(batch, "time") == [1_700_000_000_000_000] * 2


def test_what_leaves_can_be_written_and_read_back() -> None:
    """The wire takes every column of a captured batch and loses nothing."""
    batch = captured(exchange(V2_PATH, TENSORS, SCORED, ttft_ms=3.0), capture={"sampling": 0.9999})
    read, unknown = decode_events(encode_events(batch))
    assert unknown == ()
    assert {name: values(read, name) for name in read.columns} == {
        name: values(batch, name) for name in batch.columns
    }


def test_rows_give_numbers_and_categories() -> None:
    """Numbers are numeric, text is a category, null is missing; predictions of V1 are taken."""
    batch = captured(exchange(V1_PATH, ROWS, {"predictions": ["yes", "no"]}))
    assert values(batch, "tabular.age") == [31, 47.5]
    assert values(batch, "tabular.job") == ["nurse", None]
    assert values(batch, "prediction") == ["yes", "no"]


def test_declared_categories_stay_categories() -> None:
    """A numeric code that the component calls categorical is text on the wire."""
    features = {"tabular": {"from": "column:*", "categorical": ["age"], "exclude": ["job"]}}
    batch = captured(exchange(V1_PATH, ROWS), signals={"features": features})
    assert values(batch, "tabular.age") == ["31", "47.5"]
    assert "tabular.job" not in batch.columns


def test_unnamed_columns_get_the_declared_names() -> None:
    """The columns of one tensor are named in order, and every selector knows the names."""
    spec = {
        "features": {"tabular": {"from": "column:*", "names": ["age", "sex"]}},
        "groups": {"sex": {"from": "column:sex", "names": {"1": "male"}}},
    }
    batch = captured(exchange(V1_PATH, {"instances": [[31, 1], [47, 2]]}), signals=spec)
    assert values(batch, "tabular.age") == [31, 47]
    assert values(batch, "group.sex") == ["male", "2"]


def test_unnamed_columns_without_names_are_numbered() -> None:
    """``TENSOR[k]`` names what nobody named, as feature and as selector."""
    spec = {"groups": {"g": {"from": "input:instances[1]"}}}
    batch = captured(exchange(V1_PATH, {"instances": [[31, 1], [47, 2]]}), signals=spec)
    assert values(batch, "tabular.instances[0]") == [31, 47]
    assert values(batch, "group.g") == ["1", "2"]


def test_names_that_fit_no_tensor_are_refused() -> None:
    """Three names for two columns would give features the wrong names."""
    spec = {"features": {"tabular": {"from": "column:*", "names": ["a", "b", "c"]}}}
    seen = exchange(V1_PATH, {"instances": [[31, 1]]})
    assert refused(seen, signals=spec) == "feature_names"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("request:$.instances[*].age", {"tabular.age": [31, 47.5]}),
        ("request:$.instances[*]", {"tabular.age": [31, 47.5], "tabular.job": ["nurse", None]}),
        ("input:age", {"tabular.age": [31, 47.5]}),
        ("column:job", {"tabular.job": ["nurse", None]}),
        ("request:$.parameters", {"tabular.channel": ["web", "web"]}),
        ("request:$.nothing", {}),
    ],
)
def test_features_come_from_where_the_component_says(
    source: str, expected: dict[str, list[Any]]
) -> None:
    """A path, a tensor or a column, of rows or of the whole request."""
    request = ROWS | {"parameters": {"channel": "web"}}
    batch = captured(
        exchange(V1_PATH, request), signals={"features": {"tabular": {"from": source}}}
    )
    found = {name: values(batch, name) for name in batch.columns if name.startswith("tabular.")}
    assert found == expected


def test_signals_are_read_from_every_place() -> None:
    """Header, request, response, tensor: one value serves all, n values serve each."""
    spec = {
        "version": "header:X-Model-Version",
        "time": "request:$.at",
        "prediction": "response:$.outputs[0].data[*]",
        "score": "output:predict_proba[1]",
        "favourable": {"in": ["1"]},
        "groups": {"tenant": "header:X-Tenant", "sex": "column:sex", "none": "header:X-None"},
    }
    seen = exchange(
        V2_PATH,
        TENSORS | {"at": "2024-05-01T00:00:00Z"},
        SCORED,
        request_headers={"x-model-version": "7", "x-tenant": "acme"},
    )
    batch = captured(seen, signals=spec)
    assert batch.version == "7"
    assert values(batch, "time") == [1_714_521_600_000_000] * 2
    assert values(batch, "prediction") == ["1", "0"]
    assert values(batch, "score") == [0.9, 0.3]
    assert values(batch, "favourable") == [1, 0]
    assert values(batch, "group.tenant") == ["acme", "acme"]
    assert values(batch, "group.sex") == ["1", "2"]
    assert "group.none" not in batch.columns


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        ({"prediction": "request:$.three[*]"}, "selector"),
        ({"prediction": "output:predict_proba"}, "selector"),
        ({"groups": {"g": "request:$.three"}}, "selector"),
        ({"time": "request:$.three[0]"}, "time"),
        ({"time": "request:$.huge"}, "time"),
        ({"version": "input:age"}, "version"),
        ({"version": "request:$.words"}, "version"),
    ],
)
def test_a_signal_that_does_not_fit_is_refused(signal: dict[str, Any], reason: str) -> None:
    """Neither one nor n values, lists for scalars, no instant, two versions: each has a reason."""
    request = TENSORS | {"three": ["a", "b", "c"], "huge": 1e30, "words": "no such version"}
    assert refused(exchange(V2_PATH, request, SCORED), signals=signal) == reason


@pytest.mark.parametrize(
    ("favourable", "expected"),
    [
        ({"in": ["1"]}, [0.9, 0.3]),
        ({"in": [0]}, [0.1, 0.7]),
        ({"in": ["yes"]}, None),
        ({"atLeast": 0.5}, [0.9, 0.3]),
    ],
)
def test_the_score_is_that_of_the_favourable_class(
    favourable: dict[str, Any], expected: list[float] | None
) -> None:
    """Of class probabilities the favourable column counts; where it is unknown there is none."""
    batch = captured(exchange(V2_PATH, TENSORS, SCORED), signals={"favourable": favourable})
    assert (values(batch, "score") if "score" in batch.columns else None) == expected


def test_predictions_are_classes_where_outcomes_are_listed() -> None:
    """With ``in`` a class number is a category; without it a prediction is typed like a feature."""
    seen = exchange(V2_PATH, TENSORS, SCORED)
    assert values(captured(seen, signals={"favourable": {"in": [1]}}), "prediction") == ["1", "0"]
    assert values(captured(seen), "prediction") == [1, 0]


def test_a_prediction_of_several_values_is_no_prediction() -> None:
    """Probabilities alone do not say which class was chosen: nothing is guessed."""
    response = {"outputs": [SCORED["outputs"][1] | {"name": "output-0"}]}  # type: ignore[operator]  # a dict
    assert "prediction" not in captured(exchange(V2_PATH, TENSORS, response)).columns


def test_a_score_that_is_no_number_is_unknown() -> None:
    """NaN and infinity are no score, and no favourable outcome."""
    response = b'{"outputs": [{"name": "score", "datatype": "FP64", "data": [NaN, Infinity]}]}'
    batch = captured(exchange(V2_PATH, TENSORS, response), signals={"favourable": {"atLeast": 0.5}})
    assert values(batch, "score") == [None, None]
    assert values(batch, "favourable") == [-1, -1]


@pytest.mark.parametrize("status", [0, 400, 404, 500, 503])
def test_failures_are_events_with_their_inputs(status: int) -> None:
    """A failed request keeps inputs, latency and status; it has no prediction."""
    batch = captured(exchange(V2_PATH, TENSORS, {"error": "x"}, status=status))
    assert values(batch, "status_code") == [status] * 2
    assert values(batch, "tabular.age") == [31, 47]
    assert "prediction" not in batch.columns


def test_a_failure_that_cannot_be_read_is_one_event() -> None:
    """The model refused it and so do we: the error rate must see it, and why is counted."""
    capture = Capture(component(), KEYED)
    batch = capture.capture(exchange(V2_PATH, b"{", {"error": "x"}, status=422))
    assert batch is not None
    assert (batch.n, values(batch, "status_code")) == (1, [422])
    assert capture.counts["unreadable_request:not_json"] == 1


def test_an_answer_that_cannot_be_read_is_counted() -> None:
    """Inputs stay; what was wrong with the answer is counted by its reason."""
    capture = Capture(component(), KEYED)
    batch = capture.capture(exchange(V2_PATH, TENSORS, b"<html>"))
    assert batch is not None
    assert values(batch, "tabular.age") == [31, 47]
    assert capture.counts["unreadable_response:not_json"] == 1


def test_a_request_that_no_one_can_read_is_refused() -> None:
    """200 for something that is no request of the protocol: refused with the reason."""
    assert refused(exchange(V2_PATH, b"{", SCORED)) == "not_json"
    assert refused(exchange(V1_PATH, {"instances": []}, {"predictions": []})) == "instances"


def test_too_many_instances_are_refused() -> None:
    """One request may not hold up the reader for all others."""
    body = b'{"instances": [' + b"1," * MAX_INSTANCES + b"1]}"
    assert refused(exchange(V1_PATH, body)) == "instances"


def test_a_long_body_is_truncated_to_one_event() -> None:
    """Longer than ``maxBodyBytes``, here or in the pump: no features, but status and version."""
    path = "/v2/models/m/versions/8/infer"
    for seen, spec in (
        (exchange(path, TENSORS, SCORED), {"capture": {"maxBodyBytes": 100}}),
        (exchange(path, None, request_body=None, truncated=True), {}),
    ):
        batch = captured(seen, **spec)
        assert (batch.n, batch.version) == (1, "8")
        assert values(batch, "truncated") == [1]
        assert not [name for name in batch.columns if name.startswith("tabular.")]


def test_media_may_be_longer() -> None:
    """1 MiB by default, 16 MiB for pictures and sound, and what the component says."""
    assert body_limit(component()) == 2**20
    voice = {"name": "m", "version": "1", "modality": ["text", "voice"]}
    assert body_limit(component(model=voice)) == 2**24
    assert body_limit(component(capture={"maxBodyBytes": 7})) == 7


@pytest.mark.parametrize(
    ("method", "target"), [("GET", V2_PATH), ("POST", "/metrics"), ("POST", "/v2/models/m")]
)
def test_what_is_no_inference_is_no_event(method: str, target: str) -> None:
    """Other paths and methods pass."""
    capture = Capture(component(), KEYED)
    assert capture.capture(exchange(target, {}, method=method)) is None
    assert capture.matches("POST", V2_PATH)


def test_only_the_declared_protocols_are_captured() -> None:
    """``spec.capture.protocols`` limits capture; an unknown name is a ConfigError."""
    capture = Capture(component(capture={"protocols": ["kserve-v1"]}), KEYED)
    assert capture.capture(exchange(V2_PATH, TENSORS)) is None
    with pytest.raises(ConfigError, match="kserve-v1, kserve-v2, kserve-v2-generate"):
        Capture(component(capture={"protocols": ["grpc"]}), KEYED)


@pytest.mark.parametrize(
    ("status", "response", "expected"),
    [
        (200, {"outputs": []}, "8"),
        (200, {"outputs": [], "model_version": "9"}, "9"),
        (503, {}, "8"),
        (404, {}, "1.0"),
        (200, {"outputs": [], "model_version": "a b\n"}, "8"),
    ],
)
def test_the_version_is_named_by_response_path_or_spec(
    status: int, response: dict[str, Any], expected: str
) -> None:
    """A version in the path counts unless the server refused it; odd text never does."""
    seen = exchange("/v2/models/m/versions/8/infer", TENSORS, response, status=status)
    assert captured(seen).version == expected


def test_the_pod_may_say_its_version() -> None:
    """The version that injection knows comes before that of the spec."""
    batch = Capture(component(), KEYED, version="2.0").capture(exchange(V2_PATH, TENSORS))
    assert batch is not None
    assert batch.version == "2.0"


def test_sampling_keeps_by_hash_and_says_the_weight() -> None:
    """Half of the events stay, the same whoever asks; each stands for two; the rest is counted."""
    capture = Capture(component(capture={"sampling": 0.5}), KEYED)
    request = {"instances": list(range(4_000))}
    seen = exchange(V1_PATH, request, request_headers={"x-request-id": "r"})
    batch, again = capture.capture(seen), captured(seen, capture={"sampling": 0.5})
    assert batch is not None
    assert 1_850 < batch.n < 2_150
    assert capture.counts["sampled_out"] == 4_000 - batch.n
    assert set(values(batch, "weight")) == {2.0}
    assert batch.columns["event_id"].values.tobytes() == again.columns["event_id"].values.tobytes()


def test_nothing_sampled_is_no_event() -> None:
    """Sampling 0 captures nothing and counts all."""
    capture = Capture(component(capture={"sampling": 0}), KEYED)
    assert capture.capture(exchange(V2_PATH, TENSORS)) is None
    assert capture.counts["sampled_out"] == 2


def test_a_weight_that_cannot_be_counted_is_refused_at_start() -> None:
    """A share below 1 in 10,000 has no countable weight."""
    with pytest.raises(ConfigError, match="1 in 10000"):
        Capture(component(capture={"sampling": 1e-5}), KEYED)


def test_a_chat_is_one_event_with_its_tokens() -> None:
    """Usage, lengths and finish reason; of the text itself nothing."""
    request = {"messages": [{"role": "user", "content": "How are you?"}]}
    response = {
        "choices": [{"message": {"content": "Fine."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 2},
    }
    text = {"name": "m", "version": "1", "modality": ["text"]}
    batch = captured(exchange(CHAT_PATH, request, response), model=text)
    assert (values(batch, "input_tokens"), values(batch, "output_tokens")) == ([4], [2])
    assert values(batch, "text.characters") == [12]
    assert values(batch, "text.words") == [3]
    assert values(batch, "text.response_characters") == [5]
    assert values(batch, "text.finish_reason") == ["stop"]


def test_a_text_model_behind_v2_has_lengths() -> None:
    """A BYTES tensor is the text where no path is declared; other modalities are not made up."""
    request = {"inputs": [{"name": "t", "datatype": "BYTES", "shape": [2], "data": ["a b", None]}]}
    text = {"name": "m", "version": "1", "modality": ["text"]}
    batch = captured(exchange(V2_PATH, request), model=text)
    assert values(batch, "text.words") == [2, None]
    assert not [name for name in batch.columns if name.startswith("tabular.")]


def test_anonymisation_is_the_last_step() -> None:
    """Outcomes are judged on exact values; what leaves has three digits and whole seconds."""
    governance = {"dataPrivacy": {"level": "GDPR_compliant", "anonymizationRequired": True}}
    request = {"instances": [12345.678]}
    response = {"predictions": [{"score": 98765}]}
    seen = exchange(V1_PATH, request, response, started_us=1_700_000_000_123_456)
    batch = captured(seen, governance=governance, signals={"favourable": {"atLeast": 1}})
    assert values(batch, "tabular.instances") == [12300]
    assert values(batch, "score") == [98800]
    assert values(batch, "favourable") == [1]
    assert values(batch, "time") == [1_700_000_000_000_000]


def test_names_that_are_no_names_give_no_feature() -> None:
    """A key that looks like an address or a sentence is not sent as a column's name."""
    request = {"instances": [{"age": 1, "jo@example.com": 2, "x" * 65: 3}]}
    batch = captured(exchange(V1_PATH, request))
    assert [name for name in batch.columns if name.startswith("tabular.")] == ["tabular.age"]


def test_a_picture_is_no_table() -> None:
    """A tensor wider than a table gives no columns; the event stays."""
    image = {"name": "i", "datatype": "UINT8", "shape": [1, 32, 32], "data": [0] * 1024}
    batch = captured(exchange(V2_PATH, {"inputs": [image]}))
    assert batch.n == 1
    assert not [name for name in batch.columns if name.startswith("tabular.")]


def test_columns_are_numpy_arrays_of_the_wire() -> None:
    """Dtypes are those of the event table, so that nothing is cast on the way out."""
    batch = captured(exchange(V2_PATH, TENSORS, SCORED))
    dtypes = {name: column.values.dtype for name, column in batch.columns.items()}
    assert dtypes["event_id"] == np.dtype("V16")
    assert dtypes["status_code"] == np.int16
    assert dtypes["favourable"] == np.int8

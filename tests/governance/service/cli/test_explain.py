"""``evenhand collect --explain``: what would leave, and why something would not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from governance.service.cli.main import main
from tests.collectors.exchanges import GOLDEN, V2_PATH

if TYPE_CHECKING:
    from pathlib import Path

TITANIC = GOLDEN / "oip-v2-rest" / "kserve__test_e2e_data_autogluon_titanic_input_v2.json"
INVALID = (
    GOLDEN / "oip-v2-rest" / "mlserver__tests_testdata_inference-request-invalid-datatype.json"
)
CHAT = GOLDEN / "openai-chat"


@pytest.fixture
def component(tmp_path: Path) -> Path:
    spec = {
        "model": {"name": "m", "version": "1", "modality": ["tabular", "text"]},
        "capture": {"sampling": 0.5},
        "signals": {
            "groups": {"sex": {"from": "input:Sex", "names": {"male": "m", "female": "f"}}},
            "features": {"tabular": {"from": "column:*", "exclude": ["Name", "Ticket"]}},
        },
    }
    path = tmp_path / "component.yaml"
    document = {
        "apiVersion": "apexlogic.io/v1alpha1",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": "m", "namespace": "shop"},
        "spec": spec,
    }
    path.write_text(json.dumps(document))
    return path


def explain(component: Path, *arguments: Any) -> int:
    return main(["collect", "--component", str(component), "--explain", *map(str, arguments)])


def test_the_report_lists_every_column_that_leaves(
    component: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Types and values as on the wire; no text of the request is among them."""
    assert explain(component, TITANIC, "--path", V2_PATH, "--json") == 0
    text = capsys.readouterr().out
    report = json.loads(text)
    assert (report["captured"], report["protocol"], report["events"]) == (True, "kserve-v2", 2)
    assert report["columns"]["group.sex"] == {"type": "category", "values": ["m", "f"]}
    assert report["columns"]["tabular.Age"] == {"type": "number", "values": [22.0, 38.0]}
    assert report["columns"]["event_id"]["type"] == "pseudonym"
    assert report["bytes"] > 100
    assert "Braund" not in text
    assert "C85" not in text


def test_the_table_says_the_same_to_people(
    component: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table, and notes about the key and the sampling."""
    assert explain(component, TITANIC, "--path", V2_PATH) == 0
    text = capsys.readouterr().out
    assert "captured   true: 2 events of version 1" in text
    assert "tabular.Age" in text
    assert "a share of 0.5 is kept" in text
    assert "a key made for this look" in text


def test_a_response_is_read_too(component: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Usage and finish reason come from the second file."""
    request, response = (
        CHAT / f"openai-spec__default__{side}.json" for side in ("request", "response")
    )
    assert explain(component, request, response, "--path", "/v1/chat/completions", "--json") == 0
    columns = json.loads(capsys.readouterr().out)["columns"]
    assert columns["input_tokens"]["values"] == [19]
    assert columns["text.response_characters"]["values"] == [34.0]


def test_an_invalid_body_is_told_with_its_reason(
    component: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, the reason, the place; the same as JSON."""
    assert explain(component, INVALID, "--path", V2_PATH) == 1
    assert "datatype: input[0] ('input-0'): datatype 'INT322'" in capsys.readouterr().out
    assert explain(component, INVALID, "--path", V2_PATH, "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["captured"], report["reason"]) == (False, "datatype")


def test_an_invalid_response_is_told_too(
    component: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A response that is not of the protocol is a reason, although the event would be kept."""
    assert explain(component, TITANIC, TITANIC, "--path", V2_PATH, "--json") == 1
    assert json.loads(capsys.readouterr().out)["reason"] == "no_outputs"


def test_an_unknown_path_is_no_event(component: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``captured: false`` and exit code 0: it passes, whatever its body is."""
    assert explain(component, component, "--path", "/metrics", "--json") == 0
    assert json.loads(capsys.readouterr().out)["captured"] is False
    assert explain(component, component, "--path", "/metrics") == 0
    assert "no inference" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([TITANIC], "--path"),
        (["none.json", "--path", V2_PATH], "none.json"),
        ([TITANIC, TITANIC, TITANIC, "--path", V2_PATH], "not 3"),
    ],
)
def test_wrong_usage_is_told(
    component: Path, capsys: pytest.CaptureFixture[str], arguments: list[Any], words: str
) -> None:
    """No path, no file, too many files: exit code 2."""
    assert explain(component, *arguments) == 2
    assert words in capsys.readouterr().err


def test_texts_show_their_features_and_the_sum_that_they_enter(
    component: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Categories by name, the sum by its size; not a word of the text."""
    request = tmp_path / "request.json"
    words = "Please write to ann@example.com about the terrible weather."
    request.write_text(json.dumps({"messages": [{"role": "user", "content": words}]}))
    path = "/v1/chat/completions"
    assert explain(component, request, "--path", path, "--json") == 0
    text = capsys.readouterr().out
    report = json.loads(text)
    assert report["columns"]["text.language"] == {"type": "category", "values": ["en"]}
    assert report["columns"]["text.pii_kind"]["values"] == ["email"]
    ((name, sum_),) = report["sums"].items()
    assert name.startswith("text.fourier.")
    assert sum_ == {"numbers": 2_048, "fewest_events": 20}
    assert explain(component, request, "--path", path) == 0
    shown = capsys.readouterr().out
    assert "2,048 numbers, over 20 events or more" in shown
    assert not any(word in text + shown for word in ("ann@", "terrible", "weather"))


def test_a_picture_that_cannot_be_decoded_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A note says why; the event would leave all the same."""
    (tmp_path / "c.yaml").write_text(
        "{apiVersion: apexlogic.io/v1alpha1, kind: MultimodalAIComponent, metadata: {name: m}, "
        "spec: {model: {name: m, version: '1', modality: [image]}}}"
    )
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"instances": [{"b64": "bm8gcGljdHVyZQ=="}]}))
    code = explain(tmp_path / "c.yaml", request, "--path", "/v1/models/m:predict", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (code, report["captured"], report["sums"]) == (0, True, {})
    assert "1 undecodable (image, format)" in report["notes"]

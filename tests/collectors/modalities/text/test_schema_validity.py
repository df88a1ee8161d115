"""Answers against the JSON Schema that the component declares for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collectors.capture import Capture
from collectors.modalities.text.schema_validity import SchemaValidity
from governance.component.load import read_components
from governance.component.schema import Signals
from governance.errors import ConfigError
from tests.collectors.exchanges import CHAT_PATH, KEYED, captured, component, exchange, values

if TYPE_CHECKING:
    from pathlib import Path

    from governance.component.load import Reading

SCHEMA: dict[str, Any] = {
    "$defs": {"mood": {"enum": ["good", "bad"]}},
    "type": "object",
    "properties": {"mood": {"$ref": "#/$defs/mood"}, "score": {"type": "number", "minimum": 0}},
    "required": ["mood"],
    "additionalProperties": False,
}
TEXT = {"name": "m", "version": "1", "modality": ["text"]}
YAML = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: m, namespace: shop}
spec:
  model: {name: m, version: "1", modality: [text]}
"""


def validity(*answers: str | None, schema: dict[str, Any] | None = SCHEMA) -> list[float]:
    signals = Signals.model_validate({"responseSchema": schema})
    columns = SchemaValidity(signals).columns(answers)
    return columns["response_schema_valid"].values.tolist() if columns else []


@pytest.mark.parametrize(
    ("answer", "valid"),
    [
        ('{"mood": "good", "score": 0.5}', 1.0),
        (' {"mood":"bad"}\n', 1.0),
        ('{"mood": "fine"}', 0.0),
        ('{"mood": "good", "why": "x"}', 0.0),
        ('{"mood": "good", "score": -1}', 0.0),
        ('{"mood": "good", "score": NaN}', 0.0),
        ('```json\n{"mood": "good"}\n```', 0.0),
        ("Sure! Here is your JSON.", 0.0),
        ('{"mood": "good"', 0.0),
        ("", 0.0),
        ("[" * 100_000, 0.0),
        ('{"mood": "\ud800"}', 0.0),
        ('{"mood": "good", "score": ' + "9" * 5_000 + "}", 0.0),
    ],
)
def test_an_answer_is_valid_or_not(answer: str, valid: float) -> None:
    """The whole answer is JSON and meets the schema; whatever it is, nothing breaks."""
    assert validity(answer) == [valid]


def test_no_answer_is_neither() -> None:
    """Missing where there is none; no column without any, or without a schema."""
    seen = validity('{"mood": "bad"}', None)
    assert seen[0] == 1.0
    assert np.isnan(seen[1])
    assert validity(None, None) == []
    assert validity("{}", schema=None) == []


def chat(answer: str) -> Any:
    body = {"messages": [{"role": "user", "content": "How is it?"}]}
    said = {"choices": [{"message": {"role": "assistant", "content": answer}}]}
    return exchange(CHAT_PATH, body, said)


def test_live_answers_are_checked() -> None:
    """A chat's answer, by the schema in the component."""
    for answer, valid in (('{"mood": "good"}', 1.0), ("good", 0.0)):
        batch = captured(chat(answer), model=TEXT, signals={"responseSchema": SCHEMA})
        assert values(batch, "text.response_schema_valid") == [valid]


def _read(folder: Path, schema: str) -> Reading:
    (folder / "component.yaml").write_text(YAML + f"  signals: {{responseSchema: {schema}}}\n")
    return read_components([folder / "component.yaml"])


def test_a_schema_beside_the_component_is_read(tmp_path: Path) -> None:
    """By the name of its file, relative to the component's."""
    (tmp_path / "answer.json").write_text(json.dumps(SCHEMA))
    reading = _read(tmp_path, "answer.json")
    assert not reading.problems
    (loaded,) = reading.components
    assert loaded.component.spec.signals.response_schema == SCHEMA
    assert Capture(loaded.component, KEYED).capture(chat("no JSON")) is not None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is no JSON"),
        ("[]", "must be an object"),
        ('{"type": "strin"}', 'is no JSON Schema: "strin"'),
        ('{"pattern": "("}', "is no JSON Schema"),
        ('{"$ref": "http://127.0.0.1:9/a.json"}', "nothing is fetched"),
        ('{"$ref": "file:///etc/hostname"}', "nothing is fetched"),
    ],
)
def test_a_wrong_schema_is_a_located_problem(
    tmp_path: Path, content: str | None, words: str
) -> None:
    """Told at load, with line and path; nothing outside the schema is ever fetched."""
    if content is not None:
        (tmp_path / "answer.json").write_text(content)
    (problem,) = _read(tmp_path, "answer.json").problems
    assert problem.path == "spec.signals.responseSchema"
    assert problem.line == 6
    assert words in problem.message


def test_a_wrong_schema_inside_is_told_like_any_field(tmp_path: Path) -> None:
    """Where it stands in the component itself."""
    (problem,) = _read(tmp_path, "{type: strin}").problems
    assert (problem.path, problem.line) == ("spec.signals.responseSchema", 6)
    assert "is no JSON Schema" in problem.message


def test_a_schema_needs_texts(tmp_path: Path) -> None:
    """A component of tables alone has no answer that it could be of."""
    text = YAML.replace("[text]", "[tabular]") + "  signals: {responseSchema: {type: object}}\n"
    (tmp_path / "component.yaml").write_text(text)
    (problem,) = read_components([tmp_path / "component.yaml"]).problems
    assert "list text in spec.model.modality" in problem.message


def test_a_file_that_nobody_read_is_an_error() -> None:
    """A component without a folder, as of the cluster, has to hold the schema itself."""
    with pytest.raises(ConfigError, match="write the schema itself"):
        Capture(component(model=TEXT, signals={"responseSchema": "a.json"}), KEYED)

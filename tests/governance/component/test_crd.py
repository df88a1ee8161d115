"""The CRD: made from the schema, structural; its patterns take what the program reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from governance.clock import parse_duration_us
from governance.component import fields
from governance.component.crd import crd_text, custom_resource_definition
from governance.component.jsonpath import compile_path
from governance.component.schema import Spec
from governance.component.selector import SelectorKind, parse_selector
from governance.component.structural import structural

if TYPE_CHECKING:
    from collections.abc import Iterator

CHART = Path(__file__).parents[3] / "helm/evenhand"
JUNCTORS = ("allOf", "anyOf", "oneOf")
FORBIDDEN = {"$ref", "definitions", "dependencies", "id", "patternProperties", "uniqueItems"}


def _schema() -> dict[str, Any]:
    (version,) = custom_resource_definition()["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def _nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node that is not inside a junctor."""
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from _nodes(below, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield from _nodes(schema[keyword], f"{path}[]")


def test_the_charts_file_is_what_the_program_prints() -> None:
    """There is no second, hand-written copy of the schema."""
    assert (CHART / "crds/multimodalaicomponents.yaml").read_text() == crd_text(), (
        "evenhand crd > helm/evenhand/crds/multimodalaicomponents.yaml"
    )


def test_every_reader_of_yaml_reads_the_same_object() -> None:
    """No key is a boolean to YAML 1.1, nothing needs anchors."""
    assert yaml.safe_load(crd_text()) == custom_resource_definition()
    assert "&id" not in crd_text()


def test_it_is_structural() -> None:
    """Every node has a type, or says that its value may be of several; none is forbidden."""
    for path, node in _nodes(_schema()):
        several = node.get("x-kubernetes-preserve-unknown-fields", False)
        assert ("type" in node) != several, path
        assert not FORBIDDEN & node.keys(), path
        assert not ("properties" in node and "additionalProperties" in node), path


def test_every_field_of_the_models_is_there() -> None:
    """Names are those of the published example."""
    spec = _schema()["properties"]["spec"]
    names = {field.alias or name for name, field in Spec.model_fields.items()}
    assert set(spec["properties"]) == names
    bias = spec["properties"]["governance"]["properties"]["biasDetection"]["properties"]
    assert "demographic_parity_difference" in bias["thresholds"]["properties"]
    assert {"when", "on"} <= set(spec["properties"]["actions"]["items"]["properties"])


def test_defaults_are_words_only() -> None:
    """A stored object follows the program's defaults, and is what stands in Git."""
    assert all("default" not in node for _, node in _nodes(_schema()))
    monitoring = _schema()["properties"]["spec"]["properties"]["monitoring"]["properties"]
    assert monitoring["labelHorizon"]["description"] == "Default: 7d."
    assert monitoring["maxLoss"]["description"] == "Default: 0.05."


def test_a_rule_without_its_class_is_an_error() -> None:
    """A class that is renamed cannot lose its rules in silence."""
    with pytest.raises(KeyError, match="Winows"):
        structural({"type": "object", "$defs": {"Windows": {}}}, {"Winows": {}})


DURATIONS = st.from_regex(r"[ ]?([0-9]{1,3}(\.[0-9]{0,2})?(us|ms|s|m|h|d|w|x|H| ){1,2}){0,3}[ ]?")


@given(DURATIONS)
def test_a_duration_is_one_to_both(text: str) -> None:
    """The pattern takes what the program reads, and nothing else."""
    try:
        parse_duration_us(text)
    except ValueError:
        assert not re.search(fields.DURATION_PATTERN, text)
    else:
        assert re.search(fields.DURATION_PATTERN, text)


@given(st.from_regex(r" ?[0-9.]{0,5} ?%? ?", fullmatch=True))
def test_a_percentage_is_one_to_both(text: str) -> None:
    """What the pattern takes is a share to the program."""
    if re.search(fields.PERCENT_PATTERN, text):
        assert 0 <= TypeAdapter(fields.Ratio).validate_python(text) <= 1
    elif "%" in text:
        with pytest.raises(ValidationError):
            TypeAdapter(fields.Ratio).validate_python(text)


STEPS = st.sampled_from(
    """
    .name ._n9 .é .* [*] [0] [-1] [-0] [01] [1:2] [-1:] [::2] [1:2:] ['a'] ['a',"b"] [~0~] ~.a ..a
    [?@.a] .9 [] . [a] ['it\\'s'] ['a' .~a [~'a'~,~1~] [1~:2] [:~:2] $
    """.replace("\n", " ").split()
).map(lambda step: step.replace("~", " "))


@given(
    st.sampled_from([*(kind.value for kind in SelectorKind), "rows", ""]),
    st.sampled_from(["", "$", "a", "*", "**", "x y"]),
    st.lists(STEPS, max_size=3),
)
def test_a_selector_is_one_to_both(kind: str, start: str, steps: list[str]) -> None:
    """The pattern takes what the program reads: names, tensors, JSONPath without surprises."""
    text = f"{kind}:{start}{''.join(steps)}"
    assert bool(re.search(fields.PLACE_PATTERN, text)) == _is_place(text), text


def _is_place(text: str) -> bool:
    try:
        selector = parse_selector(text)
        if selector.kind in {SelectorKind.REQUEST, SelectorKind.RESPONSE}:
            compile_path(selector.argument)
    except ValueError:
        return False
    return selector.argument != "*"

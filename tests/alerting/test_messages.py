"""What receivers get is what the published schemas say, and stays small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from alerting.actions.base import MAX_BYTES, ActionRequest, body
from alerting.actions.schemas import schema_texts
from alerting.catalog import ACTIONS
from alerting.declared import Declared
from governance.alert import Alert, AlertKey, AlertState, Judgement, Observation
from governance.component.key import ComponentKey
from governance.component.schema import API_VERSION, KIND, Component
from governance.finding import Status

PUBLISHED = Path(__file__).parents[2] / "docs/schemas"
WORDS = st.text(max_size=2_000)
JUDGEMENTS = st.lists(
    st.builds(
        Judgement,
        subject=WORDS,
        status=st.sampled_from(Status),
        revision=st.integers(0, 9),
        finding_id=st.just("f" * 32),
        summary=WORDS,
        value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    min_size=1,
    max_size=60,
)


def component(action: dict[str, Any]) -> Component:
    model = {"name": "prices", "version": "1", "modality": ["tabular"], "repository": "registry"}
    return Component.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": "prices", "namespace": "shop"},
            "spec": {"model": model, "actions": [action]},
        }
    )


def written(action: dict[str, Any], judgements: list[Judgement], reason: str = "breach: x") -> str:
    """The text of the one action's message."""
    declared = Declared(component(action), 3, "c0ffee")
    (wanted,) = declared.component.spec.actions
    seen = Observation(3, 0, 10, tuple(judgements))
    key = AlertKey(ComponentKey("shop", "prices"), "2", "tabular", "drift")
    alert = Alert(key, AlertState.FIRING, incident=1, reason=reason, history=(seen,))
    return body(ACTIONS[wanted.action], ActionRequest(declared, wanted, alert, 7))


def schema(text: str) -> Draft202012Validator:
    """The published schema of a message, chosen by its type."""
    published = PUBLISHED / f"{json.loads(text)['type']}.json"
    return Draft202012Validator(json.loads(published.read_text()))


def test_published_schemas_are_those_of_the_code() -> None:
    """`evenhand deliveries schemas docs/schemas` was run after the last change."""
    published = {path.name: path.read_text() for path in PUBLISHED.glob("*.json")}
    assert published == schema_texts()


@pytest.mark.parametrize("name", sorted(schema_texts()))
def test_published_schemas_are_schemas(name: str) -> None:
    """Each keeps the rules of JSON Schema 2020-12."""
    Draft202012Validator.check_schema(json.loads(schema_texts()[name]))


@pytest.mark.parametrize(
    "action",
    [
        {"do": "notify", "webhook": "team"},
        {"do": "retrain", "webhook": "team"},
        {"do": "rollback", "webhook": "team"},
        {"do": "rollback", "registry": {"alias": "champion", "fallback": "previous"}},
    ],
)
@given(JUDGEMENTS, WORDS)
@settings(max_examples=25, deadline=None)
def test_every_message_is_as_published_and_small(
    action: dict[str, Any], judgements: list[Judgement], reason: str
) -> None:
    """Whatever subjects and reasons say: valid, ASCII, at most 20,000 bytes, and counted cuts."""
    text = written(action, judgements, reason)
    schema(text).validate(json.loads(text))
    said = json.loads(text)["data"]["alert"]
    assert text.isascii()
    assert len(text) <= MAX_BYTES
    assert len(said["judgements"]) + said["judgements_left_out"] == len(judgements)


def test_a_schema_refuses_another_message() -> None:
    """The schema of a retraining is not satisfied by a notice."""
    judged = Judgement("age", Status.BREACH, 0, "f" * 32, "age moved")
    notice = json.loads(written({"do": "notify", "webhook": "team"}, [judged]))
    retrain = schema(written({"do": "retrain", "webhook": "team"}, [judged]))
    assert list(retrain.iter_errors(notice))


def test_a_rollback_by_registry_names_the_move() -> None:
    """Model, alias and fallback travel in the message; the model's own name is the default."""
    action = {"do": "rollback", "registry": {"fallback": "previous"}}
    judged = Judgement("age", Status.BREACH, 0, "f" * 32, "age moved")
    data = json.loads(written(action, [judged]))["data"]
    assert data["registry"] == {"model": "prices", "alias": "champion", "fallback": "previous"}
    assert (data["from_version"], data["generation"], data["commit"]) == ("2", 3, "c0ffee")

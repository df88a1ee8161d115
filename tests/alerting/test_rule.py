"""Which rule a check has."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from alerting.rule import Rule, rule_of
from governance.alert import Severity
from governance.component.schema import API_VERSION, KIND, Component


def component(*alerts: dict[str, Any], **spec: Any) -> Component:
    model = {"name": "m", "version": "1", "modality": ["tabular"]}
    return Component.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": "m"},
            "spec": {"model": model, "monitoring": {"alerts": list(alerts)}, **spec},
        }
    )


def test_the_first_pattern_that_names_a_check_holds() -> None:
    """Later ones are for what is left."""
    declared = component(
        {"check": "data_quality", "severity": "warning"}, {"check": "*", "severity": "none"}
    )
    assert rule_of(declared, "data_quality", Rule()).loudest is Severity.WARNING
    assert rule_of(declared, "drift", Rule()).loudest is None


def test_what_a_component_leaves_out_is_the_installations() -> None:
    """Settings are defaults, one by one."""
    default = Rule(3, 5, 5, keep_firing=4, resolve_at=0.8)
    rule = rule_of(component({"keepFiring": 6, "breaches": 2}), "drift", default)
    assert (rule.breaches, rule.of_windows, rule.keep_firing, rule.resolve_at) == (2, 5, 6, 0.8)
    assert rule_of(None, "drift", default) == default


def test_fewer_windows_than_the_default_breaches_still_fire() -> None:
    """`ofWindows: 1` alone means one of one; `breaches: 4` alone means four of four."""
    one = rule_of(component({"ofWindows": 1}), "drift", Rule())
    four = rule_of(component({"breaches": 4}), "drift", Rule())
    assert (one.breaches, one.of_windows) == (1, 1)
    assert (four.breaches, four.of_windows) == (4, 4)


def test_memory_is_as_long_as_an_action_asks() -> None:
    """An action for five windows in a row finds them."""
    actions = [{"do": "retrain", "webhook": "w", "on": {"windows": 5}}]
    assert rule_of(component(actions=actions), "drift", Rule()).remember == 5


def test_a_rule_that_can_never_fire_is_refused() -> None:
    """Three of two windows is a mistake, said where it stands."""
    with pytest.raises(ValidationError, match="breaches: 3 of ofWindows: 2 can never be"):
        component({"breaches": 3, "ofWindows": 2})

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from governance.alert import Alert, AlertKey, AlertState
from governance.store.alerts import AlertFilter, Alerts
from tests.contracts.store.rows import CREDIT, FRAUD, alert

if TYPE_CHECKING:
    from sqlalchemy import Engine

RESOLVED = alert(check="error_rate", state=AlertState.RESOLVED, changed_at_us=9)
OTHER = alert(FRAUD, changed_at_us=None)


def test_alert_comes_back_as_it_was_put(engine: Engine) -> None:
    """History, incident and actions survive the database."""
    Alerts(engine).put(alert())
    assert Alerts(engine).get(alert().key) == alert()


def test_unknown_alert_is_none(engine: Engine) -> None:
    """A condition that was never seen has no row."""
    assert Alerts(engine).get(AlertKey(CREDIT, "1", "tabular", "drift")) is None


def test_put_replaces(engine: Engine) -> None:
    """An alert has one row: the last state counts."""
    Alerts(engine).put(alert())
    Alerts(engine).put(replace(alert(), state=AlertState.RESOLVED))
    assert [a.state for a in Alerts(engine).find()] == [AlertState.RESOLVED]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (None, [alert(), RESOLVED, OTHER]),
        (AlertFilter(component="fraud"), [OTHER]),
        (AlertFilter(namespace="shop"), []),
        (AlertFilter(version="2"), []),
        (AlertFilter(states=(AlertState.FIRING,)), [alert(), OTHER]),
        (AlertFilter(changed_since_us=6), [RESOLVED]),
    ],
)
def test_find_filters_in_key_order(
    engine: Engine, which: AlertFilter | None, expected: list[Alert]
) -> None:
    """Each field of the filter selects by itself."""
    for put in (OTHER, RESOLVED, alert()):
        Alerts(engine).put(put)
    assert Alerts(engine).find(which) == expected

"""How long what lies in the database is kept, from what the components declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.store.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Iterable

    from governance.component.key import ComponentKey
    from governance.component.schema import Component

LONGEST_LADDER = 64  # panes that a verdict may look back


def retention_of(components: Iterable[Component]) -> Retention:
    """Panes as long as a verdict or a late label may need them, audit as long as declared.

    A namespace keeps its audit trail as long as its most demanding component asks.
    """
    panes_us: dict[ComponentKey, int] = {}
    audit_days: dict[str, int] = {}
    for component in components:
        spec, key = component.spec, component.key
        windows = spec.monitoring.windows
        if windows.kind == "every":
            longest_us = LONGEST_LADDER * windows.pane_us
            panes_us[key] = longest_us + spec.monitoring.label_horizon
        days = spec.governance.audit_trail.log_retention_days
        audit_days[key.namespace] = max(days, audit_days.get(key.namespace, 0))
    return Retention(panes_us=panes_us, audit_days=audit_days)

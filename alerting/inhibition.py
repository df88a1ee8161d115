"""Which alerts hold their tongue while another one speaks, and why. Pure.

The same rules stand in the Alertmanager example (``docs/examples/prometheus/alertmanager.yml``)
for what people hear; here they are for what Evenhand does by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerting.sight import BLIND_CHECK, blind_key
from governance.alert import Alert, AlertKey, AlertState

if TYPE_CHECKING:
    from collections.abc import Mapping


def inhibited(alert: Alert, known: Mapping[AlertKey, Alert]) -> str | None:
    """Why nothing should follow from ``alert`` now; None where nothing speaks against it.

    A component that cannot be seen inhibits what is said of it: what was judged last may be long
    over. Features need no rule: they are subjects of their component's alert, never alerts.
    """
    blind = known.get(blind_key(alert.key.component))
    if blind is None or blind.state is not AlertState.FIRING or alert.key.check == BLIND_CHECK:
        return None
    return f"the component is {blind.reason}"

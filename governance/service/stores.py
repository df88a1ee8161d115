"""The store's ports over one engine, as the service hands them around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.store.alerts import Alerts
from governance.store.components import Components
from governance.store.deliveries import Deliveries
from governance.store.findings import Findings

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Store:
    """Read sides and outbox of one worker group."""

    engine: Engine
    alerts: Alerts
    components: Components
    deliveries: Deliveries
    findings: Findings
    group: str

    @classmethod
    def over(cls, engine: Engine, group: str = "evenhand") -> Store:
        """All ports over one engine."""
        return cls(
            engine=engine,
            alerts=Alerts(engine),
            components=Components(engine, group),
            deliveries=Deliveries(engine),
            findings=Findings(engine, group),
            group=group,
        )

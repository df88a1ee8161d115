"""What an action is asked with: the alert, the rule that asks, and the newest window."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from governance.clock import format_instant

if TYPE_CHECKING:
    from alerting.declared import Declared
    from governance.alert import Alert
    from governance.component.schema import Action, Component

_MAX_JUDGEMENTS = 20  # a body stays far below 20 kB


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """One action that may be due for an alert."""

    declared: Declared
    action: Action
    alert: Alert
    now_us: int

    @property
    def component(self) -> Component:
        """Whose action it is."""
        return self.declared.component

    @property
    def kind(self) -> str:
        """Which notifier carries it."""
        return "webhook" if self.action.registry is None else "mlflow"

    @property
    def target(self) -> str:
        """Which receiver: the webhook's name, or the registry's."""
        return self.action.webhook or self.component.spec.model.repository or ""

    @property
    def name(self) -> str:
        """What is asked of whom, for cooldown and audit: ``retrain:training``."""
        return f"{self.action.action}:{self.target}"

    @property
    def delivery_id(self) -> str:
        """Stable id: one incident sets an action off once, whoever evaluates it again.

        A notice says each change of state, so its id holds the state as well.
        """
        parts = [self.alert.key.fingerprint, str(self.alert.incident), self.name]
        parts.append(f"{self.action.on.check}:{self.action.on.severity}:{self.action.on.windows}")
        if self.action.action == "notify":
            parts += [self.alert.state.value, self.alert.severity.value]
        return "msg_" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


class ActionBuilder(Protocol):
    """Makes the body that asks a receiver to act."""

    def __call__(self, request: ActionRequest) -> str:
        """JSON text of a Standard Webhooks message, below 20 kB."""


def message(request: ActionRequest, event_type: str, extra: dict[str, Any]) -> str:
    """The body of a Standard Webhooks message, as JSON text.

    Its timestamp is the end of the window that caused it, not the time of evaluation: the same
    findings give the same bytes. The header carries the time of sending.
    """
    key = request.alert.key
    body = {
        "type": event_type,
        "timestamp": format_instant(request.alert.history[-1].end_us),
        "data": {
            "namespace": key.component.namespace,
            "component": key.component.name,
            "model": request.component.spec.model.name,
            "version": key.version,
            "action": request.action.action,
            "idempotency_key": request.delivery_id,
            "alert": _alert(request.alert),
            **extra,
        },
    }
    return json.dumps(body, separators=(",", ":"), allow_nan=False)


def _alert(alert: Alert) -> dict[str, Any]:
    newest = alert.history[-1]
    return {
        "fingerprint": alert.key.fingerprint,
        "incident": alert.incident,
        "check": alert.key.check,
        "modality": alert.key.modality,
        "state": alert.state.value,
        "severity": alert.severity.value,
        "reason": alert.reason,
        "window": {
            "number": newest.window,
            "start": format_instant(newest.start_us),
            "end": format_instant(newest.end_us),
        },
        "judgements": [
            {
                "subject": j.subject,
                "status": j.status.value,
                "finding": j.finding_id,
                "revision": j.revision,
                "summary": j.summary,
            }
            for j in newest.judgements[:_MAX_JUDGEMENTS]
        ],
    }

"""What an action is asked with: the alert, the rule that asks, and the newest window."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import to_builtins

from alerting.actions.messages import MAX_JUDGEMENTS, AlertSaid, Judged, JudgedWindow
from governance.clock import format_instant

if TYPE_CHECKING:
    from alerting.actions.messages import Message
    from alerting.declared import Declared
    from governance.alert import Alert, Judgement
    from governance.component.schema import Action, Component

MAX_BYTES = 20_000  # Standard Webhooks
_MAX_TEXT = 500  # of a reason or a summary, and of what a feature may be called


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """One action that may be due for an alert; ``room`` bounds the judgements that are told."""

    declared: Declared
    action: Action
    alert: Alert
    now_us: int
    room: int = MAX_JUDGEMENTS

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
    """Makes the message that asks a receiver to act."""

    def __call__(self, request: ActionRequest) -> Message:
        """The message; ``body`` writes it."""


def body(builder: ActionBuilder, request: ActionRequest) -> str:
    """The message as JSON text in ASCII, below 20 kB: what does not fit is left out, and counted.

    Its timestamp is the end of the window that caused it, not the time of evaluation: the same
    findings give the same bytes. The header carries the time of sending.
    """
    room = MAX_JUDGEMENTS
    while True:
        text = _text(builder(replace(request, room=room)))
        if len(text) <= MAX_BYTES or room == 0:
            return text
        room //= 2


def asked(request: ActionRequest) -> dict[str, Any]:
    """What every action says, as the fields of ``Asked``."""
    key = request.alert.key
    return {
        "namespace": key.component.namespace,
        "component": key.component.name,
        "model": request.component.spec.model.name,
        "version": key.version,
        "idempotency_key": request.delivery_id,
        "generation": request.declared.generation,
        "commit": request.declared.commit,
        "alert": _alert(request.alert, request.room),
    }


def timestamp(request: ActionRequest) -> str:
    """The end of the window that caused it."""
    return format_instant(request.alert.history[-1].end_us)


def _alert(alert: Alert, room: int) -> AlertSaid:
    newest = alert.history[-1]
    return AlertSaid(
        fingerprint=alert.key.fingerprint,
        incident=alert.incident,
        check=alert.key.check,
        modality=alert.key.modality,
        state=alert.state.value,
        severity=alert.severity.value,
        reason=_cut(alert.reason),
        window=JudgedWindow(
            number=newest.window,
            start=format_instant(newest.start_us),
            end=format_instant(newest.end_us),
        ),
        judgements=tuple(_judged(one) for one in newest.judgements[:room]),
        judgements_left_out=max(len(newest.judgements) - room, 0),
    )


def _judged(one: Judgement) -> Judged:
    return Judged(
        subject=_cut(one.subject),
        status=one.status.value,
        finding=one.finding_id,
        revision=one.revision,
        summary=_cut(one.summary),
        value=one.value,
        lower=one.lower,
        upper=one.upper,
        threshold=one.threshold,
    )


def _cut(words: str) -> str:
    return words if len(words) <= _MAX_TEXT else words[: _MAX_TEXT - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _text(message: Message) -> str:
    return json.dumps(to_builtins(message), separators=(",", ":"), allow_nan=False)

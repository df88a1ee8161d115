"""Alert: the life of a condition over findings, and what hangs on it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from governance.component.key import ComponentKey  # noqa: TC001 - msgspec reads the annotations
from governance.finding import Status


class AlertState(StrEnum):
    """inactive -> pending -> firing -> resolved (-> pending ...)."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


_RANK = {
    Status.INSUFFICIENT: 0,
    Status.IDLE: 0,
    Status.BLIND: 0,
    Status.OK: 1,
    Status.WARNING: 2,
    Status.BREACH: 3,
}


class Severity(StrEnum):
    """How loud: a breach pages, a warning does not."""

    WARNING = "warning"
    BREACH = "breach"


@dataclass(frozen=True, slots=True, order=True)
class AlertKey:
    """What an alert is about; its subjects (features, groups) go to annotations."""

    component: ComponentKey
    version: str
    modality: str
    check: str

    @property
    def fingerprint(self) -> str:
        """Stable id of the alert, 16 hex digits."""
        parts = (str(self.component), self.version, self.modality, self.check)
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The newest revision of one finding, as far as an alert needs it.

    ``of_limit`` is how much of its limit the value has used up: 1 is at the limit, above 1 past
    it, whichever side is the bad one. ``evidence`` is log10. Absent numbers are None.
    """

    subject: str
    status: Status
    revision: int
    finding_id: str
    summary: str  # value, interval, threshold and evidence, in words
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    threshold: float | None = None
    evidence: float | None = None
    of_limit: float | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One judged window of an alert's check: a judgement per subject, worst first."""

    window: int
    start_us: int
    end_us: int
    judgements: tuple[Judgement, ...]

    @property
    def status(self) -> Status:
        """Status of the worst subject; ``insufficient`` only if no subject was judged."""
        return max((j.status for j in self.judgements), key=_RANK.__getitem__)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it stands; times in microseconds UTC, None where it has not happened.

    ``incident`` counts how often the condition has left inactive or resolved: it names one
    incident in deliveries and audit. ``history`` holds the newest judged windows, oldest first,
    as far as the rule looks back. ``acted`` names the actions that this incident has set off,
    ``fired_windows`` the windows in which it lately began to fire.
    """

    key: AlertKey
    state: AlertState = AlertState.INACTIVE
    severity: Severity = Severity.BREACH
    incident: int = 0
    generation: int = 0
    reason: str = ""
    pending_since_us: int | None = None
    firing_since_us: int | None = None
    resolved_at_us: int | None = None
    changed_at_us: int | None = None
    history: tuple[Observation, ...] = field(default=())
    acted: tuple[str, ...] = ()
    fired_windows: tuple[int, ...] = ()

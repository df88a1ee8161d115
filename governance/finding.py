"""Finding: one statistic for one component, version, check, subject and window."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from governance.clock import format_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from governance.component.key import ComponentKey


class Status(StrEnum):
    """What a finding says; ``BLIND`` and ``IDLE`` are said by alerting, by the wall clock."""

    OK = "ok"
    WARNING = "warning"
    BREACH = "breach"
    INSUFFICIENT = "insufficient"
    BLIND = "blind"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Window:
    """The newest pane that a finding speaks of."""

    kind: str  # "every" or "events"
    number: int
    start_us: int
    end_us: int
    partial: bool = False

    def to_json(self) -> dict[str, Any]:
        """The object of DESIGN 7."""
        return {
            "kind": self.kind,
            "number": self.number,
            "start": format_instant(self.start_us),
            "end": format_instant(self.end_us),
            "partial": self.partial,
        }


@dataclass(frozen=True, slots=True)
class GroupRate:
    """One group's rate with its interval; ``events`` is the rate's denominator."""

    group: str
    events: float
    rate: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a detector says about one subject; the runner adds identity and window.

    ``value`` is the debiased effect or the rate in the check's unit, ``raw`` what other tools
    print; ``evidence`` and ``evidence_bar`` are log10. Absent numbers are None, never NaN.
    ``reason`` is ``code: words`` and is never empty for ``insufficient``.
    """

    check: str
    subject: str
    status: Status
    reason: str = ""
    modality: str = ""
    test: str = ""
    value: float | None = None
    raw: float | None = None
    lower: float | None = None
    upper: float | None = None
    threshold: float | None = None
    evidence: float | None = None
    evidence_bar: float | None = None
    panes: int = 1
    events: int = 0
    effective_events: float | None = None
    labels: int | None = None
    label_coverage: float | None = None
    groups: tuple[GroupRate, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with its identity; ``revision`` grows as late labels come.

    ``sums`` is the SHA-256 of what the window's pane had added up when it was judged: equal sums
    have equal bytes (``governance.algebra.sums.pack``), so a replay of the log repeats it.
    """

    component: ComponentKey
    version: str
    generation: int
    window: Window
    verdict: Verdict
    revision: int = 0
    reference: str | None = None
    lost: Mapping[str, int] = field(default_factory=dict)
    sums: str | None = None

    @property
    def id(self) -> str:
        """Derived from what the finding is about, so a replay repeats it and never adds one."""
        verdict, window = self.verdict, self.window
        parts = (
            self.component.namespace,
            self.component.name,
            self.version,
            verdict.modality,
            verdict.check,
            verdict.subject,
            verdict.test,
            window.kind,
            str(window.number),
            self.reference or "",
        )
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        """The object that ``replay --json``, the findings topic and the API print."""
        v = self.verdict
        return {
            "id": self.id,
            "revision": self.revision,
            "namespace": self.component.namespace,
            "component": self.component.name,
            "version": self.version,
            "generation": self.generation,
            "window": self.window.to_json(),
            "modality": v.modality,
            "check": v.check,
            "subject": v.subject,
            "test": v.test,
            "value": v.value,
            "raw": v.raw,
            "lower": v.lower,
            "upper": v.upper,
            "threshold": v.threshold,
            "evidence": v.evidence,
            "evidence_bar": v.evidence_bar,
            "status": v.status.value,
            "reason": v.reason,
            "panes": v.panes,
            "events": v.events,
            "effective_events": v.effective_events,
            "labels": v.labels,
            "label_coverage": v.label_coverage,
            "groups": [
                {
                    "group": g.group,
                    "events": g.events,
                    "rate": g.rate,
                    "lower": g.lower,
                    "upper": g.upper,
                }
                for g in v.groups
            ],
            "reference": self.reference,
            "lost": dict(sorted(self.lost.items())),
            "sums": self.sums,
        }

    def to_line(self) -> str:
        """The object as one line of ASCII JSON, the same bytes for the same finding.

        Raises
        ------
        ValueError
            If a number is NaN or infinite: a verdict says None there.
        """
        return json.dumps(self.to_json(), separators=(",", ":"), allow_nan=False)

"""A family of checks that is judged together, and the verdict on each of its members."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from detectors.ladder import FEWEST_EFFECTIVE, Hold, climb, hold, rule
from detectors.reasons import NO_EVENTS
from governance.component.schema import Modality
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from detectors.drift.counting import Windows
    from detectors.ladder import Climb, Readings, Ruling

WORST_LAST = (Status.INSUFFICIENT, Status.OK, Status.WARNING, Status.BREACH)
RAISED = frozenset({Status.WARNING, Status.BREACH})
INDEPENDENCE = "independence: assumed, the reference is not in time order"


@dataclass(frozen=True, slots=True)
class Terms:
    """What all families of one look are judged by; ``lost`` and ``capped`` are reasons."""

    windows: Windows
    events: int  # of the newest pane
    lost: str
    capped: str
    false_alarm_every: int


@dataclass(frozen=True, slots=True)
class Members:
    """The F members of a family: thresholds, lengths of their ladders, references.

    ``unfit`` says in words why a member's reference is of no use, empty if it is; ``assumed``
    tells whose rows are not in time order.
    """

    thresholds: NDArray[np.float64]
    lengths: NDArray[np.float64]
    unfit: Sequence[str]
    assumed: Sequence[bool]


class _Figures(TypedDict, total=False):
    value: float
    raw: float
    lower: float
    upper: float
    effective_events: float


@dataclass(frozen=True, slots=True)
class Family:
    """Readings of a family, and the ruling on them; made by ``judge_family``."""

    members: Members
    terms: Terms
    readings: Readings
    climb: Climb
    holds: tuple[Hold | None, ...]
    ruling: Ruling

    def status(self, member: int) -> Status:
        """The status of one member."""
        return self.ruling.statuses[member]

    def shown(self, member: int) -> int | None:
        """The row of the window that a member's verdict shows; None = there is none."""
        row = int(self.climb.shown[member])
        return None if row < 0 or self.holds[member] is Hold.NO_EVENTS else row

    def verdict(self, member: int, *, check: str, subject: str, test: str, moved: str) -> Verdict:
        """The verdict on one member; ``moved`` says in words what changed, if it did."""
        row = self.shown(member)
        evidence = float(self.climb.evidence[member])
        return Verdict(
            check=check,
            subject=subject,
            status=self.status(member),
            reason=self._withheld(member) or self._remark(member, moved),
            modality=Modality.TABULAR.value,
            test=test,
            threshold=float(self.members.thresholds[member]),
            evidence=math.log10(evidence) if evidence > 0 else None,
            evidence_bar=math.log10(self.ruling.bar) if self.holds[member] is None else None,
            panes=1 if row is None else self.terms.windows.panes[row],
            events=self.terms.events,
            **({} if row is None else self._figures(member, row)),
        )

    def _withheld(self, member: int) -> str:
        match self.holds[member]:
            case None:
                return ""
            case Hold.NO_EVENTS:
                return NO_EVENTS
            case Hold.LOST:
                return self.terms.lost
            case Hold.REFERENCE:
                return f"reference: {self.members.unfit[member]}"
            case Hold.SMALL:
                return f"small: {self._too_small(member)}"

    def _remark(self, member: int, moved: str) -> str:
        parts = [self.terms.capped] if self.ruling.capped[member] else []
        if self.status(member) in RAISED:
            parts.append(f"changed: {moved}")
        if self.members.assumed[member]:
            parts.append(INDEPENDENCE)
        return "; ".join(parts)

    def _figures(self, member: int, row: int) -> _Figures:
        effect = self.readings.effect
        return _Figures(
            value=float(effect.value[row, member]),
            raw=float(effect.raw[row, member]),
            lower=float(effect.lower[row, member]),
            upper=float(effect.upper[row, member]),
            effective_events=float(self.readings.m[row, member]),
        )

    def _too_small(self, member: int) -> str:
        if not self.readings.usable[:, member].any():
            return "no window can be read yet: none holds a finite value, or the first still fills"
        m = self.readings.m[self.readings.usable[:, member], member][-1]
        return (
            f"the longest window has {m:.1f} effective events, at least {FEWEST_EFFECTIVE:.0f} "
            "are needed"
        )


def judge_family(readings: Readings, members: Members, terms: Terms) -> Family:
    """Apply the rule of STATISTICS 1.4 to a family."""
    climbed = climb(readings, members.thresholds, members.lengths)
    holds = tuple(
        hold(
            no_events=terms.windows.empty,
            lost=bool(terms.lost),
            unfit=bool(unfit),
            small=bool(small),
        )
        for unfit, small in zip(members.unfit, climbed.small, strict=True)
    )
    ruling = rule(climbed, holds, terms.false_alarm_every, capped=bool(terms.capped))
    return Family(members, terms, readings, climbed, holds, ruling)

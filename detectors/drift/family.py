"""A family of checks that is judged together, and the verdict on each of its members."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from detectors.ladder import FEWEST_EFFECTIVE, Hold, climb, hold, rule
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.ladder import Climb, Readings, Ruling

WORST_LAST = (Status.INSUFFICIENT, Status.OK, Status.WARNING, Status.BREACH)
RAISED = frozenset({Status.WARNING, Status.BREACH})
INDEPENDENCE = "independence: assumed, the reference is not in time order"


@dataclass(frozen=True, slots=True)
class Terms:
    """What all families of one look are judged by; ``lost`` and ``capped`` are reasons."""

    modality: str
    panes: tuple[int, ...]  # of each trailing window
    events: int  # of the newest pane
    lost: str
    capped: str
    false_alarm_every: int


@dataclass(frozen=True, slots=True)
class Members:
    """The F members of a family: thresholds, ladders, references.

    ``lengths`` is how many lengths a member's ladder has, ``fewest`` how many effective events the
    longest window must have. ``unfit`` says in words why a member's reference is of no use, empty
    if it is; ``assumed`` tells whose rows are not in time order.
    """

    thresholds: NDArray[np.float64]
    lengths: NDArray[np.float64]
    fewest: NDArray[np.float64]
    unfit: Sequence[str]
    assumed: Sequence[bool]

    @classmethod
    def alike(
        cls,
        *,
        thresholds: NDArray[np.float64],
        lengths: NDArray[np.float64],
        unfit: Sequence[str],
        assumed: Sequence[bool],
    ) -> Members:
        """Members that all need the usual number of effective events."""
        fewest = np.full(len(thresholds), FEWEST_EFFECTIVE)
        return cls(thresholds, lengths, fewest, unfit, assumed)

    @classmethod
    def joined(cls, parts: Sequence[Members]) -> Members:
        """The members of all parts, in their order."""
        return cls(
            np.concatenate([part.thresholds for part in parts]),
            np.concatenate([part.lengths for part in parts]),
            np.concatenate([part.fewest for part in parts]),
            tuple(words for part in parts for words in part.unfit),
            tuple(assumed for part in parts for assumed in part.assumed),
        )


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
    gaps: Sequence[str]
    readings: Readings
    climb: Climb
    holds: tuple[Hold | None, ...]
    ruling: Ruling
    figures: tuple[_Figures, ...] = field(init=False)  # of the windows to show, per member
    log_evidence: tuple[float | None, ...] = field(init=False)  # log10, per member; None = none
    rows: tuple[int | None, ...] = field(init=False)  # of the windows to show; None = there is none

    def __post_init__(self) -> None:
        effect, rows = self.readings.effect, np.maximum(self.climb.shown, 0)
        places = np.arange(len(rows) if len(effect.value) else 0)  # none while no window is whole
        at = rows[places], places
        evidence = [math.log10(e) if e > 0 else None for e in self.climb.evidence.tolist()]
        object.__setattr__(self, "log_evidence", tuple(evidence))
        shown = [
            None if row < 0 or held is Hold.NO_EVENTS else row
            for row, held in zip(self.climb.shown.tolist(), self.holds, strict=True)
        ]
        object.__setattr__(self, "rows", tuple(shown))
        columns = (effect.value, effect.raw, effect.lower, effect.upper, self.readings.m)
        named = zip(*(column[at].tolist() for column in columns), strict=True)
        figures = tuple(
            _Figures(value=value, raw=raw, lower=lower, upper=upper, effective_events=m)
            for value, raw, lower, upper, m in named
        )
        object.__setattr__(self, "figures", figures)

    def status(self, member: int) -> Status:
        """The status of one member."""
        return self.ruling.statuses[member]

    def shown(self, member: int) -> int | None:
        """The row of the window that a member's verdict shows; None = there is none."""
        return self.rows[member]

    def verdict(self, member: int, *, check: str, subject: str, test: str, moved: str) -> Verdict:
        """The verdict on one member; ``moved`` says in words what changed, if it did."""
        row = self.rows[member]
        return Verdict(
            check=check,
            subject=subject,
            status=self.status(member),
            reason=self._withheld(member) or self._remark(member, moved),
            modality=self.terms.modality,
            test=test,
            threshold=float(self.members.thresholds[member]),
            evidence=self.log_evidence[member],
            evidence_bar=math.log10(self.ruling.bar) if self.holds[member] is None else None,
            panes=1 if row is None else self.terms.panes[row],
            events=self.terms.events,
            **({} if row is None else self.figures[member]),
        )

    def _withheld(self, member: int) -> str:
        match self.holds[member]:
            case None:
                return ""
            case Hold.NO_EVENTS:
                return self.gaps[member]
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

    def _too_small(self, member: int) -> str:
        if not self.readings.usable[:, member].any():
            return "no window can be read yet: none holds a finite value, or the first still fills"
        m = self.readings.m[self.readings.usable[:, member], member][-1]
        return (
            f"the longest window has {m:.1f} effective events, at least "
            f"{self.members.fewest[member]:.0f} are needed"
        )


def judge_family(readings: Readings, members: Members, terms: Terms, gaps: Sequence[str]) -> Family:
    """Apply the rule of STATISTICS 1.4 to a family.

    ``gaps`` says per member why the newest pane has nothing of it; empty if it has.
    """
    climbed = climb(readings, members.thresholds, members.lengths, members.fewest)
    holds = tuple(
        hold(no_events=bool(gap), lost=bool(terms.lost), unfit=bool(unfit), small=bool(small))
        for gap, unfit, small in zip(gaps, members.unfit, climbed.small, strict=True)
    )
    ruling = rule(climbed, holds, terms.false_alarm_every, capped=bool(terms.capped))
    return Family(members, terms, gaps, readings, climbed, holds, ruling)

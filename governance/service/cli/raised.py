"""What was raised, one line for a subject of a check, worst first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.finding import Status
from governance.service.reports.ends import ends

if TYPE_CHECKING:
    from collections.abc import Iterable

    from governance.finding import Finding, GroupRate

RAISED = (Status.BREACH, Status.WARNING)
_ASIDE = "independence:"  # a remark that all lines share, told once


@dataclass(frozen=True, slots=True)
class Raised:
    """All windows of one subject of a check in which it was a breach or a warning."""

    raised: tuple[Finding, ...]  # at least one, in order
    windows: int  # in which it was looked at

    @property
    def worst(self) -> Finding:
        """A breach before a warning, then the strongest evidence, then the largest value."""
        return max(self.raised, key=_badness)

    @property
    def why(self) -> str:
        """The reason of the worst window; where a fairness check has none, its two ends."""
        told = [part for part in _parts(self.worst) if not part.startswith(_ASIDE)]
        if not self.worst.verdict.reason.startswith("changed"):
            told = [_ends(self.worst.verdict.groups), *told]
        return "; ".join(part for part in told if part)

    @property
    def asides(self) -> tuple[str, ...]:
        """Remarks on how it was judged."""
        return tuple(part for part in _parts(self.worst) if part.startswith(_ASIDE))


def raised(findings: Iterable[Finding]) -> list[Raised]:
    """Subjects with a breach or a warning: breaches first, then by how many windows."""
    seen: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        verdict = finding.verdict
        key = (finding.version, verdict.modality, verdict.check, verdict.subject, verdict.test)
        seen.setdefault(key, []).append(finding)
    rows = [
        Raised(bad, len(all_))
        for all_ in seen.values()
        if (bad := tuple(f for f in all_ if f.verdict.status in RAISED))
    ]
    return sorted(rows, key=lambda row: (RAISED.index(row.worst.verdict.status), -len(row.raised)))


def _badness(finding: Finding) -> tuple[int, float, float]:
    verdict = finding.verdict
    return (
        -RAISED.index(verdict.status),
        verdict.evidence or 0.0,
        abs(verdict.value or 0.0),
    )


def _parts(finding: Finding) -> list[str]:
    return finding.verdict.reason.split("; ")


def _ends(groups: Iterable[GroupRate]) -> str:
    """The lowest and the highest rate among groups, as ``f 0.21, m 0.52``."""
    return ", ".join(f"{group.group} {group.rate:.3g}" for group in ends(groups))

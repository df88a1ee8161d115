"""The verdict of a gate: what findings say about a release, in one word with reasons.

Pure: takes findings, returns a verdict; ``evenhand gate`` prints it. Nothing passes by absence. A
check with a limit that could not be judged in any window leaves the verdict ``inconclusive``, and
so does a gate in which nothing was judged at all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from detectors import reasons
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from governance.finding import Finding

_GRAVEST_FIRST = (Status.BREACH, Status.WARNING, Status.OK, Status.INSUFFICIENT)
_SUMMARY_CHECK = "drift"  # its finding without a subject speaks for all subjects of a modality
_PARTS = frozenset({"drift", "data_quality"})  # what that finding speaks for
_FAILED = "detector_failed"  # the code of a fault of ours


class Outcome(StrEnum):
    """What a gate says; only ``PASS`` lets a release through."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class State(StrEnum):
    """What became of one check of one subject, the gravest first."""

    BREACH = "breach"
    UNJUDGED = "unjudged"  # it has a limit, and no window could be judged
    WARNING = "warning"
    OK = "ok"
    SHOWN = "shown"  # nothing to judge it by, or allowed to stay without a verdict


@dataclass(frozen=True, slots=True)
class Case:
    """One check of one subject of one modality and version, over all windows.

    ``finding`` is the newest of the gravest: the one that a reader should look at.
    """

    finding: Finding
    windows: Mapping[Status, int]
    state: State

    @property
    def total(self) -> int:
        """How many windows there were."""
        return sum(self.windows.values())


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The outcome, why, every case (the worst first), and evidence that is not there."""

    outcome: Outcome
    reasons: tuple[str, ...]
    cases: tuple[Case, ...] = field(default=())
    absent: tuple[str, ...] = field(default=())

    def count(self, state: State) -> int:
        """How many cases are in a state."""
        return sum(case.state is state for case in self.cases)

    @property
    def judged(self) -> int:
        """How many cases were judged in at least one window."""
        return sum(map(self.count, (State.BREACH, State.WARNING, State.OK)))


def decide(
    findings: Iterable[Finding], optional: Sequence[str] = (), absent: Sequence[str] = ()
) -> GateVerdict:
    """The verdict of the last revisions of findings.

    Parameters
    ----------
    findings
        Every revision, in order; the last one of an id counts.
    optional
        Names of checks (``*`` as wildcard) that may stay without a verdict. A breach of theirs
        counts all the same.
    absent
        Evidence that was asked for and is not there, in words (a file without rows).

    Notes
    -----
    ``fail`` if a last revision is a breach (a warning never is one); else ``inconclusive`` if
    nothing was judged, evidence is absent, or a check with a limit was judged in no window; else
    ``pass``.
    """
    cases = tuple(_cases(findings, optional))
    breached = [_breached(case) for case in cases if case.state is State.BREACH]
    unjudged = [_unjudged(case) for case in cases if case.state is State.UNJUDGED]
    if breached:
        return GateVerdict(Outcome.FAIL, tuple(breached), cases, tuple(absent))
    verdict = GateVerdict(Outcome.PASS, (), cases)
    doubts = [*absent, *unjudged] or ([] if verdict.judged else [_nothing(cases)])
    if doubts:
        return GateVerdict(Outcome.INCONCLUSIVE, tuple(doubts), cases, tuple(absent))
    return verdict


def title(case: Case) -> str:
    """What a case is called: check, subject, and what tells it from others of that name."""
    verdict = case.finding.verdict
    more = ", ".join(part for part in (verdict.test, verdict.modality) if part)
    subject = f" of {verdict.subject}" if verdict.subject else ""
    return f"{verdict.check}{subject}" + (f" ({more})" if more else "")


def _cases(findings: Iterable[Finding], optional: Sequence[str]) -> list[Case]:
    last: dict[str, Finding] = {}
    for finding in findings:
        last[finding.id] = finding
    grouped: dict[tuple[str, ...], list[Finding]] = {}
    for finding in last.values():
        grouped.setdefault(_key(finding), []).append(finding)
    gravest = {key: _gravest(group) for key, group in grouped.items()}
    summed_up = {_family(shown) for shown in gravest.values() if _speaks_for_parts(shown)}
    cases = [
        Case(
            gravest[key],
            Counter(finding.verdict.status for finding in group),
            _state(gravest[key], optional, summed_up),
        )
        for key, group in grouped.items()
    ]
    return sorted(cases, key=lambda case: list(State).index(case.state))


def _key(finding: Finding) -> tuple[str, ...]:
    verdict = finding.verdict
    return finding.version, verdict.modality, verdict.check, verdict.subject, verdict.test


def _gravest(findings: Sequence[Finding]) -> Finding:
    newest_first = sorted(findings, key=lambda f: f.window.number, reverse=True)
    return min(newest_first, key=lambda f: _GRAVEST_FIRST.index(f.verdict.status))


def _family(finding: Finding) -> tuple[str, str]:
    return finding.version, finding.verdict.modality


def _speaks_for_parts(finding: Finding) -> bool:
    return finding.verdict.check == _SUMMARY_CHECK and not finding.verdict.subject


def _state(shown: Finding, optional: Sequence[str], summed_up: set[tuple[str, str]]) -> State:
    verdict = shown.verdict
    if verdict.status in {Status.BREACH, Status.WARNING}:
        return State(verdict.status.value)
    if verdict.status is Status.OK:
        unlimited = reasons.NO_THRESHOLD in verdict.reason.split("; ")
        return State.SHOWN if unlimited else State.OK
    if any(fnmatchcase(verdict.check, pattern) for pattern in optional):
        return State.SHOWN
    if _speaks_for_parts(shown) or verdict.reason.startswith(_FAILED):
        return State.UNJUDGED
    is_part = verdict.check in _PARTS and _family(shown) in summed_up
    return State.SHOWN if verdict.threshold is None or is_part else State.UNJUDGED


def _breached(case: Case) -> str:
    return f"breach: {title(case)} in {case.windows[Status.BREACH]} of {case.total} windows"


def _unjudged(case: Case) -> str:
    return f"not judged: {title(case)}: {case.finding.verdict.reason}"


def _nothing(cases: Sequence[Case]) -> str:
    if not cases:
        return "nothing was judged: there is no finding, because there was no event"
    return (
        "nothing was judged: declare a limit (spec.governance.biasDetection.thresholds, "
        "spec.release.rolloutMetrics) or give a reference (--reference)"
    )

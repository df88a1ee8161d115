"""The verdict for a release gate: may this version go on? Pure.

``pass`` needs proof: every check that is asked for was judged lately on the version's own traffic,
and none breaches. ``fail`` is a breach, or being proven worse than the baseline. Everything else is
``inconclusive``: no data, stale data, lost telemetry, a missing baseline, a breach that both
versions share (the world has changed, not the model).

A candidate and its baseline are compared on windows of the same time (``comparison.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from alerting.comparison import comparable, same_time, worse
from governance.clock import SECOND_US, format_duration, parse_instant_us
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alerting.sight import Sight
    from governance.component.schema import Component

    Body = Mapping[str, Any]

GRACE_US = 180 * SECOND_US  # a window is judged, stored and looked at after it has ended
_SUMMARISED = "drift"  # its finding without subject speaks for all subjects
_JUDGED = frozenset({Status.OK.value, Status.WARNING.value, Status.BREACH.value})


class Outcome(StrEnum):
    """What a gate is told; only ``PASS`` lets a release go on."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what the answer rests on.

    ``candidate`` and ``baseline`` are finding objects, the last revision of each, of the two
    versions; ``checks`` are patterns of check names that must have been judged: empty asks for
    those of ``release.rolloutMetrics``, or else for whatever has a limit.
    """

    component: Component
    version: str
    candidate: Sequence[Body]
    sight: Sight
    baseline_version: str | None = None
    baseline: Sequence[Body] = ()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """One check of one subject: the finding that decides, and what it says for the release."""

    check: str
    outcome: Outcome
    reason: str
    finding: Body | None = None


@dataclass(frozen=True, slots=True)
class ReleaseVerdict:
    """The outcome with its reasons, the worst first, and what it was made of."""

    outcome: Outcome
    reasons: tuple[str, ...]
    checks: tuple[CheckVerdict, ...] = field(default=())
    rollback: bool = False


def decide(question: Question, now_us: int) -> ReleaseVerdict:
    """The verdict now.

    Parameters
    ----------
    question
        Component, version, findings of both versions, and whether the component is in sight.
    now_us
        Wall clock: findings grow stale by it.

    Notes
    -----
    ``fail`` wins over ``inconclusive``: one proven breach is enough, whatever else is unknown.
    """
    fresh = _Freshness.of(question.component, now_us)
    wanted = _wanted(question)
    newest = _newest(question.candidate, fresh)
    cases = [case for case in newest if _counts(case, wanted)]
    looks = max(1, sum(comparable(case.body) for case in cases))
    error = 1 / (question.component.spec.monitoring.false_alarm_every * looks)
    checks = [_judge(case, question, fresh, error) for case in cases]
    checks += [
        _missing(pattern, question.version) for pattern in wanted if not _named(pattern, cases)
    ]
    return _sum_up(question, checks)


def _sum_up(question: Question, checks: list[CheckVerdict]) -> ReleaseVerdict:
    gravest = sorted(checks, key=lambda c: (_GRAVITY[c.outcome], c.check))
    unknown = _unknown(question)
    failed = [c.reason for c in gravest if c.outcome is Outcome.FAIL]
    unsure = [c.reason for c in gravest if c.outcome is Outcome.INCONCLUSIVE]
    if failed and question.sight.status is not Status.BLIND:
        rollback = question.component.spec.release.rollback_on_failure
        return ReleaseVerdict(Outcome.FAIL, tuple(failed), tuple(gravest), rollback)
    reasons = (*unknown, *failed, *unsure)
    if not reasons and not checks:
        reasons = ("nothing judged: declare limits in spec.release.rolloutMetrics, or name checks",)
    outcome = Outcome.INCONCLUSIVE if reasons else Outcome.PASS
    return ReleaseVerdict(outcome, reasons, tuple(gravest))


_GRAVITY = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1, Outcome.PASS: 2}


def _unknown(question: Question) -> list[str]:
    if question.sight.status is Status.BLIND:
        return [f"blind: {question.sight.reason}"]
    if not question.candidate:
        return [f"no data: no window of version {question.version!r} was judged lately"]
    if question.baseline_version is not None and not question.baseline:
        named = question.baseline_version
        return [f"missing baseline: no window of version {named!r} was judged lately"]
    return []


@dataclass(frozen=True, slots=True)
class _Freshness:
    """How old the end of a window may be; what waits for labels may be older."""

    now_us: int
    most_us: int
    labels_us: int

    @classmethod
    def of(cls, component: Component, now_us: int) -> _Freshness:
        monitoring = component.spec.monitoring
        windows = monitoring.windows
        span_us = windows.pane_us if windows.kind == "every" else windows.max_age
        if span_us is None:  # windows that count events have no length
            return cls(now_us, monitoring.retire_after, monitoring.label_horizon)
        most_us = 2 * span_us + monitoring.lateness + GRACE_US
        return cls(now_us, most_us, monitoring.label_horizon)

    def stale(self, body: Body, *, provisional: bool) -> str:
        """Why a finding is too old; empty if it is not."""
        age_us = self.now_us - parse_instant_us(body["window"]["end"])
        most_us = self.most_us + (self.labels_us if provisional else 0)
        if age_us <= most_us:
            return ""
        old, most = (format_duration(t // SECOND_US * SECOND_US) for t in (age_us, most_us))
        return f"stale: its last window ended {old} ago, at most {most} count"


@dataclass(frozen=True, slots=True)
class _Case:
    """The newest finding of a check, modality and subject that is not provisional, if there is."""

    body: Body
    stale: str

    @property
    def name(self) -> str:
        body = self.body
        about = ", ".join(part for part in (body["subject"], body["modality"]) if part)
        return f"{body['check']} of {about}" if about else str(body["check"])


def _newest(bodies: Iterable[Body], fresh: _Freshness) -> list[_Case]:
    by_subject: dict[tuple[str, str, str, str], list[Body]] = {}
    for body in bodies:
        key = (body["check"], body["modality"], body["subject"], body["test"])
        by_subject.setdefault(key, []).append(body)
    return [_last(group, fresh) for group in by_subject.values()]


def _last(group: list[Body], fresh: _Freshness) -> _Case:
    """Windows that still wait for labels are passed over; the one before them may be older."""
    newest_first = sorted(group, key=lambda b: parse_instant_us(b["window"]["end"]), reverse=True)
    settled = [b for b in newest_first if not str(b["reason"]).startswith("provisional")]
    chosen = settled[0] if settled else newest_first[0]
    waits = bool(settled) and settled[0] is not newest_first[0]
    return _Case(chosen, fresh.stale(chosen, provisional=waits))


def _wanted(question: Question) -> tuple[str, ...]:
    declared = (m.name for m in question.component.spec.release.rollout_metrics)
    return question.checks or tuple(dict.fromkeys(declared))


def _named(pattern: str, cases: Iterable[_Case]) -> bool:
    return any(fnmatchcase(case.body["check"], pattern) for case in cases)


def _counts(case: _Case, wanted: tuple[str, ...]) -> bool:
    """Whether a case decides: it was asked for, or it breaches, or nothing was asked for."""
    body = case.body
    asked = any(fnmatchcase(body["check"], pattern) for pattern in wanted)
    if body["status"] == Status.BREACH and not case.stale:
        return True
    if body["check"] == _SUMMARISED and body["subject"]:
        return False
    return asked or (not wanted and _has_limit(body))


def _has_limit(body: Body) -> bool:
    return body["threshold"] is not None or body["check"] == _SUMMARISED


def _judge(case: _Case, question: Question, fresh: _Freshness, error: float) -> CheckVerdict:
    body = case.body
    unsure = case.stale or _unjudged(body)
    if unsure:
        return _said(case, Outcome.INCONCLUSIVE, unsure)
    beside, why_not = _beside(case, question, fresh)
    than = "" if beside is None else worse(body, beside, error)
    if body["status"] == Status.BREACH:
        if beside is not None and beside["status"] == Status.BREACH and not than:
            words = f"shared: version {question.baseline_version!r} breaches as well"
            return _said(case, Outcome.INCONCLUSIVE, words)
        return _said(case, Outcome.FAIL, f"breach: {_measured(body)}")
    if than:
        return _said(
            case, Outcome.FAIL, f"worse than version {question.baseline_version!r}: {than}"
        )
    unsure = why_not
    return _said(case, Outcome.INCONCLUSIVE if unsure else Outcome.PASS, unsure or _measured(body))


def _unjudged(body: Body) -> str:
    if body["status"] not in _JUDGED:
        return f"not judged: {body['reason']}"
    return "" if _has_limit(body) else "no limit: declare one, or do not ask for the check"


def _said(case: _Case, outcome: Outcome, words: str) -> CheckVerdict:
    return CheckVerdict(case.body["check"], outcome, f"{case.name}: {words}", case.body)


def _missing(pattern: str, version: str) -> CheckVerdict:
    words = f"{pattern}: no data: no window of version {version!r} has been judged by it lately"
    return CheckVerdict(pattern, Outcome.INCONCLUSIVE, words)


def _beside(case: _Case, question: Question, fresh: _Freshness) -> tuple[Body | None, str]:
    """The baseline's finding of the same time, or why there is none although one is needed."""
    if question.baseline_version is None:
        return None, ""
    body = case.body
    same = [b for b in question.baseline if same_time(b, body)]
    if not same:
        needed = comparable(body)
        words = f"missing baseline: version {question.baseline_version!r} has no window of its time"
        return None, words if needed else ""
    newest = _last(same, fresh).body
    if comparable(body) and newest["status"] not in _JUDGED:
        return None, f"missing baseline: it was not judged: {newest['reason']}"
    return newest, ""


def _measured(body: Body) -> str:
    if body["value"] is None:
        return str(body["reason"])
    words = f"{body['value']:.4g}"
    if body["lower"] is not None and body["upper"] is not None:
        words += f" [{body['lower']:.4g}, {body['upper']:.4g}]"
    return words if body["threshold"] is None else f"{words}, limit {body['threshold']:.4g}"

"""Subjects that Evidently judges: the raw rows of a window against those of the reference.

By its own rule: a p-value below the threshold or a distance from it on is a breach, whatever the
size of the window. That is outside the ``falseAlarmEvery`` promise, and every verdict says so. What
guards all drift guards these too: too few rows, too much lost, a reference that is too short.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from detectors.drift.yardstick import evidently_test, evidently_threshold
from detectors.evidently import Comparison, Question, count_values
from detectors.ladder import FEWEST_EFFECTIVE
from detectors.raw_rows import keep, kept
from detectors.reasons import NO_EVENTS
from governance.component.drift_tests import EVIDENTLY_METHODS, PREFIX
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from detectors.base import Pane
    from detectors.drift.family import Terms
    from detectors.drift.subjects import Subject
    from detectors.evidently import Answer
    from governance.algebra.sums import Sums
    from governance.component.schema import DriftSettings
    from governance.event import Column, EventBatch

OWN_RULE = "by Evidently's own rule, outside the falseAlarmEvery promise"

Retold = tuple[list[Verdict], dict[str, str]]


class EvidentlyTests:
    """Judges the subjects of one modality, in one report per window.

    Parameters
    ----------
    modality
        Whose they are; empty for the outputs of several.
    raw
        The reference's rows.
    subjects
        Each wants a test of Evidently's.
    settings
        What each wants, and from where it is a breach.

    Raises
    ------
    ConfigError
        If Evidently is not installed.
    """

    def __init__(
        self, modality: str, raw: EventBatch, subjects: Sequence[Subject], settings: DriftSettings
    ) -> None:
        self._name = f"evidently.{modality or 'outputs'}"
        self._wishes = {s.name: _wish(s, settings, raw) for s in subjects}
        fit = [wish for wish in self._wishes.values() if not wish.unfit]
        self._comparison = Comparison(
            raw.columns,
            numeric=[wish.question.column for wish in fit if wish.numeric],
            categorical=[wish.question.column for wish in fit if not wish.numeric],
        )

    def add(self, batch: EventBatch) -> Sums:
        return keep(self._name, batch, [wish.question.column for wish in self._wishes.values()])

    def retell(self, judged: Sequence[Verdict], pane: Pane, terms: Terms) -> Retold:
        """One report on the newest pane; its verdicts take the place of ours."""
        rows = kept(self._name, pane.sums)
        gaps = {name: wish.gap(rows, terms) for name, wish in self._wishes.items()}
        asked = [name for name, gap in gaps.items() if not gap]
        questions = [self._wishes[name].question for name in asked]
        answers = dict(zip(asked, self._comparison.ask(rows, questions), strict=True))
        retold = [self._retold(verdict, gaps, answers, terms) for verdict in judged]
        moves = {name: self._wishes[name].found(answer) for name, answer in answers.items()}
        return retold, moves

    def _retold(
        self,
        own: Verdict,
        gaps: Mapping[str, str],
        answers: Mapping[str, Answer],
        terms: Terms,
    ) -> Verdict:
        wish = self._wishes.get(own.subject)
        if wish is None:
            return own
        if gaps[own.subject]:
            return wish.withheld(own, gaps[own.subject])
        return wish.verdict(own, answers[own.subject], terms.capped)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A subject and what is asked about it; ``unfit`` says why its reference is of no use."""

    question: Question
    numeric: bool
    unfit: str

    def gap(self, rows: Mapping[str, Column], terms: Terms) -> str:
        """Why nothing can be asked about a window; empty if it can."""
        if not terms.events:
            return NO_EVENTS
        if terms.lost:
            return terms.lost
        if self.unfit:
            return f"reference: {self.unfit}"
        few = _few(rows.get(self.question.column), numeric=self.numeric)
        return f"small: the window {few}" if few else ""

    def verdict(self, own: Verdict, answer: Answer, capped: str) -> Verdict:
        """What Evidently says, and beside it what Evenhand says, as it would in live traffic."""
        if answer.score is None:
            return self.withheld(own, f"evidently: {answer.refusal}")
        value = "" if own.value is None else f" {own.value:.3g}"
        beside = f"beside it {own.test}{value}, {own.status.value}"
        reason = f"evidently: {self.found(answer)}, {OWN_RULE}; {beside}"
        status = Status.BREACH if answer.drifted else Status.OK
        if answer.drifted and capped:
            status, reason = Status.WARNING, f"{capped}; {reason}"
        blank = self.withheld(own, reason)
        return replace(blank, status=status, value=answer.score, raw=answer.score)

    def withheld(self, own: Verdict, reason: str) -> Verdict:
        """No verdict."""
        return Verdict(
            check=own.check,
            subject=own.subject,
            status=Status.INSUFFICIENT,
            reason=reason,
            modality=own.modality,
            test=f"{PREFIX}{self.question.method}",
            threshold=self.question.threshold,
            events=own.events,
        )

    def found(self, answer: Answer) -> str:
        """An answer in words."""
        if answer.score is None:
            return answer.refusal
        method, limit = EVIDENTLY_METHODS[self.question.method], self.question.threshold
        what = "p-value" if method.p_value else "score"
        fails, passes = ("below", "not below") if method.p_value else ("reaches", "is below")
        side = fails if answer.drifted else passes
        return f"{method.name} {what} {answer.score:.3g} {side} {limit:g}"


def _wish(subject: Subject, settings: DriftSettings, raw: EventBatch) -> _Wish:
    names, numeric = (subject.column, subject.name), subject.yardstick.ordered
    test = evidently_test(names, settings, numeric=numeric)
    method = EVIDENTLY_METHODS[test.removeprefix(PREFIX)]
    threshold = evidently_threshold(names, settings, test)
    unfit = _few(raw.columns.get(subject.column), numeric=numeric)
    unfit = f"it {unfit}" if unfit else ""
    if not (method.numeric if numeric else method.categorical):
        held, needed = ("numbers", "categories") if numeric else ("categories", "numbers")
        unfit = f"it holds {held} and {test} needs {needed}"
    return _Wish(Question(subject.column, method.name, threshold), numeric, unfit)


def _few(column: Column | None, *, numeric: bool) -> str:
    present = 0 if column is None else count_values(column, numeric=numeric)
    fewest = int(FEWEST_EFFECTIVE)
    return "" if present >= fewest else f"has {present} values, at least {fewest} are needed"

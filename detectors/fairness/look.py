"""One look at a closed window: all questions go through the ladder side by side.

Each is judged by itself (``parity``). What they ask the incomplete beta function is asked together,
window by window: a hundred limits at once cost what a dozen do one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.fairness.group_rates import find_limits
from detectors.fairness.parity import Trial, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from detectors.fairness.group_rates import GroupRates
    from detectors.fairness.groups import Groups
    from detectors.fairness.parity import Comparison
    from detectors.fairness.question import Question
    from governance.finding import Status

    Read = Callable[[str], Groups]


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of a question, and the window that shows it with its groups.

    Where nothing can be compared there is none, and ``groups`` are of the longest window.
    """

    question: Question
    status: Status
    groups: Groups
    shown: Comparison | None


def look(questions: Sequence[Question], ladder: Iterable[Read]) -> list[Answer]:
    """Answer the questions, in their order.

    ``ladder`` has at least one window, shortest first, each of which gives the groups of a subject;
    longer windows are only read if a question needs them.
    """
    asked = [_Asked(question) for question in questions]
    going_on = asked
    for read in ladder:
        for each in going_on:
            each.read(read)
        find_limits(wanted for each in going_on for wanted in each.wanted())
        going_on = [each for each in going_on if not each.see()]
        if not going_on:
            break
    answers = [each.answer() for each in asked]
    find_limits(w for a in answers if a.shown is not None for w in a.shown.displayed())
    return answers


class _Asked:
    """A question on its way through the ladder."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._trial = Trial(question.rule)
        self._comparison: Comparison | None = None

    def read(self, read: Read) -> None:
        question = self._question
        self._groups = read(question.subject)
        window = question.window(self._groups)
        self._comparison = compare(window, question.rule.minimum_group_size)

    def wanted(self) -> Iterable[tuple[GroupRates, float]]:
        comparison, rule = self._comparison, self._question.rule
        if comparison is None or rule.threshold is None:
            return ()
        return (*comparison.conceded(), *comparison.claimed(rule))

    def see(self) -> bool:
        """Judge the window that was read; True where it is the last."""
        comparison, trial = self._comparison, self._trial
        done = comparison is not None and trial.see(comparison)
        if comparison is not None and trial.shown is comparison:
            self._shown = self._groups
        return done

    def answer(self) -> Answer:
        trial = self._trial
        groups = self._groups if trial.shown is None else self._shown
        return Answer(self._question, trial.status, groups, trial.shown)

"""Tests that are not Evenhand's own: Evidently's, which need the raw rows of window and reference.

A subject for which the component wants one is first judged like all others, as in live traffic, so
the family of e-BH is the same. Where rows are at hand Evidently's verdict then takes the place of
ours; elsewhere ours stays and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from detectors.drift.evidently_tests import EvidentlyTests
from detectors.drift.yardstick import evidently_test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from detectors.base import Pane
    from detectors.drift.family import Terms
    from detectors.drift.subjects import Subject
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch
    from governance.finding import Verdict


class Outside(Protocol):
    """Judges some subjects of a modality by tests that are not Evenhand's."""

    def add(self, batch: EventBatch) -> Sums:
        """What is remembered of a batch."""

    def retell(
        self, judged: Sequence[Verdict], pane: Pane, terms: Terms
    ) -> tuple[list[Verdict], dict[str, str]]:
        """All verdicts, those of its subjects replaced, and in words what it found in these."""


@dataclass(frozen=True, slots=True)
class OwnTestsOnly:
    """There are no raw rows: verdicts stay, and say which test they want by which they were made.

    ``wanted`` is the test that each subject wants, by its name.
    """

    wanted: Mapping[str, str]

    def add(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - the contract
        return {}

    def retell(
        self,
        judged: Sequence[Verdict],
        pane: Pane,  # noqa: ARG002 - the contract
        terms: Terms,  # noqa: ARG002 - the contract
    ) -> tuple[list[Verdict], dict[str, str]]:
        return [self._remarked(verdict) for verdict in judged], {}

    def _remarked(self, verdict: Verdict) -> Verdict:
        wanted = self.wanted.get(verdict.subject)
        if wanted is None:
            return verdict
        remark = f"own_test: judged by {verdict.test}, {wanted} needs raw rows (replay, gate)"
        reason = f"{verdict.reason}; {remark}" if verdict.reason else remark
        return replace(verdict, reason=reason)


def outside_tests(
    component: Component, reference: Reference, modality: str, subjects: Sequence[Subject]
) -> Outside | None:
    """What judges the subjects that want a test of Evidently's; None where none does.

    Raises
    ------
    ConfigError
        If rows are at hand and Evidently is not installed.
    """
    settings = component.spec.monitoring.drift
    wanted: dict[str, str] = {}
    for subject in subjects:
        names, numeric = (subject.column, subject.name), subject.yardstick.ordered
        test = evidently_test(names, settings, numeric=numeric)
        if test:
            wanted[subject.name] = test
    if not wanted:
        return None
    if reference.raw is None:
        return OwnTestsOnly(wanted)
    chosen = [subject for subject in subjects if subject.name in wanted]
    return EvidentlyTests(modality, reference.raw, chosen, settings)

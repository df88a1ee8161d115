"""Drift of one modality: its subjects as one family, and the verdict on the modality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors import reasons
from detectors.drift.coded import Coded
from detectors.drift.family import RAISED, Members, Terms, judge_family
from detectors.drift.summary import CHECK, component_verdict
from detectors.ladder import side_by_side
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.base import WindowView
    from detectors.drift.family import Family
    from detectors.drift.outside import Outside
    from detectors.drift.part import Look, Part
    from detectors.drift.subjects import Unbuilt
    from governance.algebra.sums import Sums
    from governance.event import EventBatch


@dataclass(frozen=True, slots=True)
class Rules:
    """By what all modalities of a component are judged; ``capped`` says why only to a warning.

    ``rounds``: numbers are rounded before they are counted, as privacy does.
    """

    lengths: tuple[int, ...]  # of trailing windows, in panes
    max_loss: float
    false_alarm_every: int
    capped: str
    rounds: bool


class ModalityDrift:
    """Judges the parts of one modality together.

    ``waiting`` are subjects without a reference; ``outside`` judges those that want a test which
    is not Evenhand's.
    """

    def __init__(
        self,
        modality: str,
        parts: Sequence[Part],
        waiting: Sequence[Unbuilt],
        rules: Rules,
        outside: Outside | None = None,
    ) -> None:
        self.modality = modality
        self._outside = outside
        self._parts = tuple(parts)
        self._waiting = tuple(waiting)
        self._rules = rules
        self._members = Members.joined([part.members for part in parts]) if parts else None
        self._places = tuple(
            (part, member)
            for part, joined in enumerate(parts)
            for member in range(len(joined.subjects))
        )

    def add(self, batch: EventBatch) -> list[Sums]:
        """What each part remembers of a batch."""
        coded = Coded(batch, rounds=self._rules.rounds)
        others = [] if self._outside is None else [self._outside.add(batch)]
        return [*(part.add(coded) for part in self._parts), *others]

    def judge(self, view: WindowView) -> list[Verdict]:
        """The modality, then every subject, then the data quality of every feature."""
        terms = self._terms(view)
        judged: list[Verdict] = []
        moves: dict[str, str] = {}
        quality: list[Verdict] = []
        if self._members is not None:
            looks = [part.look(view, terms.panes) for part in self._parts]
            gaps = [gap for look in looks for gap in look.gaps]
            readings = side_by_side([look.readings for look in looks])
            family = judge_family(readings, self._members, terms, gaps)
            moves = self._moves(family, looks)
            judged = [self._verdict(family, place, moves) for place in range(len(self._places))]
            if self._outside is not None:
                judged, found = self._outside.retell(judged, view.panes[-1], terms)
                moves |= found
            quality = [verdict for look in looks for verdict in look.quality(terms)]
        judged += [self._unbuilt(output, terms.events) for output in self._waiting]
        return [component_verdict(self.modality, judged, moves, terms.events), *judged, *quality]

    def _terms(self, view: WindowView) -> Terms:
        return Terms(
            modality=self.modality,
            panes=tuple(length for length in self._rules.lengths if length <= len(view.panes)),
            events=view.panes[-1].events,
            lost=reasons.lost(view, self._rules.max_loss),
            capped=self._rules.capped,
            false_alarm_every=self._rules.false_alarm_every,
        )

    def _moves(self, family: Family, looks: Sequence[Look]) -> dict[str, str]:
        """What changed most, in words, in every subject that changed."""
        moves = {}
        for place, (part, member) in enumerate(self._places):
            row = family.shown(place)
            if row is not None and family.status(place) in RAISED:
                moves[self._subject(place)[0]] = looks[part].moved(member, row)
        return moves

    def _subject(self, place: int) -> tuple[str, str]:
        part, member = self._places[place]
        return self._parts[part].subjects[member]

    def _verdict(self, family: Family, place: int, moves: dict[str, str]) -> Verdict:
        name, test = self._subject(place)
        moved = moves.get(name, "")
        return family.verdict(place, check=CHECK, subject=name, test=test, moved=moved)

    def _unbuilt(self, output: Unbuilt, events: int) -> Verdict:
        return Verdict(
            check=CHECK,
            subject=output.name,
            status=Status.INSUFFICIENT,
            reason=output.reason,
            modality=self.modality,
            threshold=output.threshold,
            events=events,
        )

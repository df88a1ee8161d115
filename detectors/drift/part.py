"""The contract of a part of a modality: what some of its subjects add up, and what they measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.base import WindowView
    from detectors.drift.coded import Coded
    from detectors.drift.family import Members, Terms
    from detectors.ladder import Readings
    from governance.algebra.sums import Sums
    from governance.finding import Verdict


class Look(Protocol):
    """What a part measured of trailing panes."""

    @property
    def readings(self) -> Readings:
        """A column per member, a row per window."""

    @property
    def gaps(self) -> Sequence[str]:
        """Per member why the newest pane has nothing of it; empty if it has."""

    def moved(self, member: int, row: int) -> str:
        """In words, what changed most in the window of ``row``."""

    def quality(self, terms: Terms) -> list[Verdict]:
        """Verdicts of other checks that the same sums allow."""


class Part(Protocol):
    """Some subjects of one modality; immutable.

    ``subjects`` are name and test of each, in the order of ``members``.
    """

    @property
    def subjects(self) -> Sequence[tuple[str, str]]:
        """Name and test of each member."""

    @property
    def members(self) -> Members:
        """How each is judged."""

    def add(self, coded: Coded) -> Sums:
        """What is remembered of a batch."""

    def look(self, view: WindowView, lengths: Sequence[int]) -> Look:
        """Measure the last ``lengths`` panes; shortest first, none longer than the view."""

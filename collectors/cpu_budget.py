"""``spec.capture.cpuBudget``: into the contents of how many events there is time to look.

Every few seconds the CPU time of this process is compared with its budget. Beyond it, the share of
events whose contents are looked into falls at once to what fits: halved, and halved again. It is
doubled only when for half a minute twice as much would have stayed well within the budget, so that
it changes slowly. Shares are powers of 2, so their weights are exact. It never falls below
``LEAST``: where all else takes the budget, contents are seldom looked into, but not lost sight of.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from governance.algebra.sums import MAX_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from governance.component.schema import Capture

INTERVAL_SECONDS = 5.0  # that are judged together
CALM = 6  # intervals in a row before the share is doubled
ROOM = 0.8  # of the budget, that twice as much must fit into
STEEPEST = 3  # halvings at once: what is dropped under load hides how much there would be
LEAST = 10  # halvings


class Spent(NamedTuple):
    """CPU seconds of a stretch of ``wall`` seconds: of all, and what contents took of it."""

    wall: float
    cpu: float
    contents: float


@dataclass(frozen=True, slots=True)
class Share:
    """Contents of 1 event of ``2 ** halvings`` are looked into; ``calm`` intervals had room."""

    halvings: int = 0
    calm: int = 0


def next_share(now: Share, spent: Spent, cores: float, least: int = LEAST) -> Share:
    """The share after an interval.

    Parameters
    ----------
    now
        That of the interval.
    spent
        What it took.
    cores
        The budget: CPU seconds a second.
    least
        The most halvings.
    """
    if spent.cpu > cores * spent.wall:
        return Share(min(least, now.halvings + _too_many(spent, cores)))
    if not now.halvings or spent.cpu + spent.contents > ROOM * cores * spent.wall:
        return Share(now.halvings)
    if now.calm + 1 < CALM:
        return Share(now.halvings, now.calm + 1)
    return Share(now.halvings - 1)


def _too_many(spent: Spent, cores: float) -> int:
    """Halvings of the contents' part by which the whole fits."""
    fits = cores * spent.wall - (spent.cpu - spent.contents)
    if fits * 2**STEEPEST <= spent.contents:
        return STEEPEST
    return max(1, math.ceil(math.log2(spent.contents / fits)))


@dataclass(slots=True)
class CpuBudget:
    """The budget of this process; not thread-safe.

    ``cores`` infinite: contents of all events are looked into.
    """

    cores: float = math.inf
    least: int = LEAST
    wall: Callable[[], float] = time.monotonic
    cpu: Callable[[], float] = time.process_time
    own_cpu: Callable[[], float] = time.thread_time
    _share: Share = field(default_factory=Share)
    _contents: float = 0.0
    _since: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._since = self.wall(), self.cpu()

    @classmethod
    def of(cls, declared: Capture) -> CpuBudget:
        """What a component declares; weights stay countable however much is sampled before."""
        weight = 1 / declared.sampling if declared.sampling > 0 else 1.0
        room = math.floor(math.log2(max(1.0, MAX_WEIGHT / weight)))
        return cls(declared.cpu_budget, min(LEAST, room))

    @property
    def weight(self) -> float:
        """For how many events one stands whose contents are looked into: 1, 2, 4, ..."""
        return 2.0**self._share.halvings

    @contextmanager
    def spending(self) -> Iterator[None]:
        """While this thread looks into contents."""
        start = self.own_cpu()
        try:
            yield
        finally:
            self._contents += self.own_cpu() - start

    def heed(self) -> float | None:
        """Judge the interval, if one is over: the CPU seconds that it took; None within one."""
        wall, cpu = self.wall(), self.cpu()
        spent = Spent(wall - self._since[0], cpu - self._since[1], self._contents)
        if spent.wall < INTERVAL_SECONDS:
            return None
        self._share = next_share(self._share, spent, self.cores, self.least)
        self._since, self._contents = (wall, cpu), 0.0
        return spent.cpu

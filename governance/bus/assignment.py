"""What both consumers share: which partitions are held, and what their user was told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence


class Assignment:
    """The partitions of one member.

    Attributes
    ----------
    held : set of int
        Partitions that the bus gave us, whether the user knows already or not.
    paused : set of int
        Those that the user wants nothing of for now.
    """

    def __init__(
        self,
        on_assign: Callable[[Sequence[int]], Mapping[int, int]],
        on_revoke: Callable[[Sequence[int]], None],
    ) -> None:
        self.held: set[int] = set()
        self.paused: set[int] = set()
        self._told: set[int] = set()
        self._on_assign = on_assign
        self._on_revoke = on_revoke

    def gain(self, partitions: Collection[int]) -> None:
        """Note partitions that the bus gave us; ``tell`` says so to the user."""
        self.held.update(partitions)

    def revoke(self, partitions: Collection[int]) -> None:
        """Forget partitions; what ``on_revoke`` raises comes out, and they are forgotten still."""
        known = sorted(self._told.intersection(partitions))
        self.held.difference_update(partitions)
        self.paused.difference_update(partitions)
        self._told.difference_update(partitions)
        if known:
            self._on_revoke(known)

    def tell(self, seek: Callable[[int, int], None]) -> None:
        """Ask the user from where to read what is new; if that raises, it is asked again later."""
        new = sorted(self.held - self._told)
        if not new:
            return
        offsets = self._on_assign(new)
        missing = [partition for partition in new if partition not in offsets]
        if missing:
            raise ValueError(f"on_assign gave no offset for partitions {missing}")
        for partition in new:
            seek(partition, offsets[partition])
        self._told.update(new)

    def readable(self) -> list[int]:
        """Partitions whose offset is known and that are not paused, ascending."""
        return sorted(self._told - self.paused)

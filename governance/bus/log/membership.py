"""Who is in a consumer group, and who owns which partition, told by file locks.

A member holds a lock on a file of its own for as long as it lives, and one on a file for each
partition that it owns. The kernel frees both when the process ends, however it ends. So a
partition has at most one live owner by construction; who it should be is computed by every member
from the sorted names of the live ones.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MEMBERS, _OWNERS, _JOINING = "members", "owners", ".joining-"


class Membership:
    """One member of a group on a topic; ``folder`` is the group's for that topic."""

    def __init__(self, folder: Path) -> None:
        self._members = folder / _MEMBERS
        self._owners = folder / _OWNERS
        self._members.mkdir(parents=True, exist_ok=True)
        self._owners.mkdir(parents=True, exist_ok=True)
        self._owned: dict[int, int] = {}  # partition -> descriptor of the locked file
        self._name = ""
        self._descriptor = -1
        self._join()

    def share(self, partitions: int) -> set[int]:
        """The partitions that this member should own now: every m-th of them for m members."""
        live = self._live()
        if self._name not in live:  # somebody removed the file
            self._join()
            live.append(self._name)
        names = sorted(live)
        return set(range(names.index(self._name), partitions, len(names)))

    def take(self, partition: int) -> bool:
        """Become the owner, if nobody who lives is."""
        path = self._owners / str(partition)
        descriptor = _locked(path, os.O_CREAT)
        if descriptor is None:
            return False
        self._owned[partition] = descriptor
        return True

    def give(self, partition: int) -> None:
        """Stop being the owner."""
        os.close(self._owned.pop(partition))

    def leave(self) -> None:
        """Give every partition and leave the group."""
        for partition in list(self._owned):
            self.give(partition)
        (self._members / self._name).unlink(missing_ok=True)
        os.close(self._descriptor)

    def _join(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._name = f"{os.getpid()}-{secrets.token_hex(8)}"
        joining = self._members / f"{_JOINING}{self._name}"
        descriptor = _locked(joining, os.O_CREAT)
        if descriptor is None:
            raise OSError(f"{joining}: a new file was locked by another")
        self._descriptor = descriptor
        joining.rename(self._members / self._name)  # nobody sees the name before the lock

    def _live(self) -> list[str]:
        names = os.listdir(self._members)  # noqa: PTH208 - names only
        live = [name for name in names if not name.startswith(_JOINING)]
        return [name for name in live if name == self._name or self._lives(name)]

    def _lives(self, name: str) -> bool:
        path = self._members / name
        try:
            descriptor = _locked(path, 0)
        except FileNotFoundError:
            return False
        if descriptor is None:
            return True
        path.unlink(missing_ok=True)
        os.close(descriptor)
        return False


def _locked(path: Path, flags: int) -> int | None:
    """A descriptor of the file under an exclusive lock, None if somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor

"""The embedded bus ``file:DIR``: append-only files on one machine, no server.

Any local process may append, produce and consume; DIR is on a local disk (file locks). Segments
of 16 MiB, full ones are kept for 7 days. ``commit`` does nothing: no lag tool looks here. As with
every bus, open it after a fork, not before.
"""

from __future__ import annotations

import fcntl
from errno import EACCES, EEXIST, ENOENT, ENOTDIR, EPERM, EROFS
from typing import TYPE_CHECKING
from urllib.parse import quote

from governance.bus.embedded_consumer import EmbeddedConsumer
from governance.bus.embedded_producer import EmbeddedProducer
from governance.bus.log.appender import Appender, LogLimits
from governance.bus.log.reader import Reader
from governance.bus.topics import is_topic_name, require_topic
from governance.errors import BusError, ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from governance.clock import Clock

_COUNT_NAME = "partitions"
_UNUSABLE = (EACCES, EEXIST, ENOENT, ENOTDIR, EPERM, EROFS)  # waiting does not mend these


class EmbeddedBus:
    """A bus in a folder, which is made if it does not exist."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        limits: LogLimits | None = None,
        max_bytes_in_flight: int = 8 * 1024 * 1024,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._limits = limits or LogLimits()
        self._max_bytes_in_flight = max_bytes_in_flight

    def ensure_topic(self, topic: str, partitions: int) -> int:
        require_topic(topic, partitions)
        try:
            return self._partitions(topic) or _make_topic(self._topic(topic), partitions)
        except OSError as error:
            raise self._failed(f"topic {topic} cannot be made", error) from None

    def producer(self) -> EmbeddedProducer:
        return EmbeddedProducer(self._partitions, self._appender, self._max_bytes_in_flight)

    def consumer(self, group: str) -> EmbeddedConsumer:
        folder = self._folder / "groups" / quote(group, safe="")
        return EmbeddedConsumer(folder, self._partitions, self._reader)

    def close(self) -> None:
        """Nothing is held."""

    def _topic(self, topic: str) -> Path:
        return self._folder / "topics" / topic

    def _partitions(self, topic: str) -> int | None:
        if not is_topic_name(topic):
            return None
        path = self._topic(topic) / _COUNT_NAME
        try:
            text = path.read_text()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed(f"{path} cannot be read", error) from None
        if not text.isdecimal():
            raise ConfigError(f"{path} holds {text[:20]!r}, not the number of partitions")
        return int(text)

    def _failed(self, what: str, error: OSError) -> BusError:
        # Transient all the same: whoever runs outlives a folder that is unmounted for a while.
        remedy = "; name a writable folder by file:DIR" if error.errno in _UNUSABLE else ""
        return BusError(f"bus folder {self._folder}: {what}: {error.strerror}{remedy}")

    def _appender(self, topic: str, partition: int) -> Appender:
        return Appender(self._topic(topic) / str(partition), self._clock, self._limits)

    def _reader(self, topic: str, partition: int) -> Reader:
        return Reader(self._topic(topic) / str(partition), topic, partition)


def _make_topic(folder: Path, partitions: int) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        count = folder / _COUNT_NAME
        if not count.exists():
            for partition in range(partitions):
                (folder / str(partition)).mkdir(exist_ok=True)
                (folder / str(partition) / "lock").touch()
            fresh = count.with_suffix(".fresh")
            fresh.write_text(str(partitions))
            fresh.rename(count)  # the topic exists once its count does
        return int(count.read_text())

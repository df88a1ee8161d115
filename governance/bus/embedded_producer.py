"""The embedded bus's producer: one thread that writes what was sent, in groups."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

from governance.bus.delivery import InFlight, record_bytes
from governance.bus.log.framing import Unwritten
from governance.errors import BusError, EvenhandError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from governance.bus.delivery import PendingDelivery
    from governance.bus.log.appender import Appender
    from governance.bus.ports import Delivery, Headers

_LOG = logging.getLogger(__name__)

_Place = tuple[str, int]  # topic, partition
_Sent = tuple[Unwritten, "PendingDelivery"]
_Outcome = tuple["PendingDelivery", "int | EvenhandError"]


class EmbeddedProducer:
    """Writes records in the order of ``send``; a record is done when it is in the file."""

    def __init__(
        self,
        partitions_of: Callable[[str], int | None],
        open_appender: Callable[[str, int], Appender],
        max_bytes_in_flight: int,
    ) -> None:
        self._partitions_of = partitions_of
        self._open_appender = open_appender
        self._known: dict[str, int] = {}
        self._appenders: dict[_Place, Appender] = {}
        self._in_flight = InFlight(max_bytes_in_flight)
        self._sent: list[tuple[_Place, _Sent]] = []
        self._writing: list[tuple[_Place, _Sent]] = []
        self._closed = False
        self._failing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="evenhand-append", daemon=True)
        self._thread.start()

    def send(  # noqa: PLR0913 - the fields of a record
        self,
        topic: str,
        partition: int,
        *,
        key: bytes,
        value: bytes,
        headers: Headers = (),
        timeout_seconds: float = 5.0,
    ) -> Delivery:
        size = record_bytes(key, value, headers)
        self._check_place(topic, partition)
        delivery = self._in_flight.admit(size, timeout_seconds)
        with self._wake:
            if not self._closed:
                self._sent.append(((topic, partition), (Unwritten(key, value, headers), delivery)))
                self._wake.notify()
                return delivery
        self._in_flight.settle([(delivery, _closed_error())])
        return delivery

    def flush(self, timeout_seconds: float) -> None:
        self._in_flight.wait_until_empty(timeout_seconds)

    def close(self, timeout_seconds: float = 5.0) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout_seconds)
        with self._wake:
            left, self._sent = [*self._writing, *self._sent], []
        self._in_flight.settle((delivery, _closed_error()) for _, (_, delivery) in left)

    def _check_place(self, topic: str, partition: int) -> None:
        count = self._known.get(topic) or self._partitions_of(topic)
        if count is None:
            raise PermanentError("no_such_topic", f"topic {topic} does not exist; create it first")
        self._known[topic] = count
        if not 0 <= partition < count:
            raise PermanentError(
                "no_such_partition", f"topic {topic} has partitions 0 to {count - 1}: {partition}"
            )

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._sent or self._closed)
                self._writing, self._sent = self._sent, []
            if not self._writing:
                break
            groups: dict[_Place, list[_Sent]] = defaultdict(list)
            for place, item in self._writing:
                groups[place].append(item)
            for place, items in groups.items():
                self._in_flight.settle(self._append(place, items))
        for appender in self._appenders.values():
            appender.close()

    def _append(self, place: _Place, items: Sequence[_Sent]) -> list[_Outcome]:
        try:
            appended = self._appender(place).append([record for record, _ in items])
        except Exception as error:  # noqa: BLE001 - a dead thread would hang every delivery
            return _failed(items, self._error(place, error))
        outcomes: list[_Outcome] = [
            (delivery, appended.first + index)
            for index, (_, delivery) in enumerate(items[: appended.count])
        ]
        if appended.failure is not None:
            failure = self._error(place, appended.failure)
            return outcomes + _failed(items[appended.count :], failure)
        self._failing = False
        return outcomes

    def _appender(self, place: _Place) -> Appender:
        if place not in self._appenders:
            self._appenders[place] = self._open_appender(*place)
        return self._appenders[place]

    def _error(self, place: _Place, cause: Exception) -> BusError:

        topic, partition = place
        message = f"topic {topic}, partition {partition} cannot be written: {cause!r}"
        if not self._failing:  # one line for an outage, not one for each record
            self._failing = True
            _LOG.warning("%s", message)
        return BusError(message)


def _failed(items: Sequence[_Sent], error: EvenhandError) -> list[_Outcome]:
    return [(delivery, error) for _, delivery in items]


def _closed_error() -> BusError:
    return BusError("the producer was closed before the record was written")

"""What both producers share: deliveries, and the bound on bytes in flight."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from governance.bus.ports import MAX_RECORD_BYTES
from governance.errors import BusError, EvenhandError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from governance.bus.ports import Delivery, Headers

_LOG = logging.getLogger(__name__)

_RECORD_OVERHEAD = 64  # what a log adds to a record, and then some
_HEADER_OVERHEAD = 8


def record_bytes(key: bytes, value: bytes, headers: Headers) -> int:
    """Bytes that a record counts for.

    Raises
    ------
    PermanentError
        If they are more than ``MAX_RECORD_BYTES``, or a header's name is not text.
    """
    size = len(key) + len(value) + _RECORD_OVERHEAD
    for name, content in headers:
        try:
            size += len(name.encode()) + len(content) + _HEADER_OVERHEAD
        except UnicodeEncodeError:
            raise PermanentError("bad_header", f"{name!r} cannot name a header") from None
    if size > MAX_RECORD_BYTES:
        raise PermanentError(
            "too_large",
            f"a record of {size} bytes is above the limit of {MAX_RECORD_BYTES}; "
            "send fewer events in one message",
        )
    return size


class PendingDelivery:
    """The fate of one record; made and settled by ``InFlight`` only."""

    __slots__ = ("_callbacks", "_error", "_offset", "_settled", "size")

    def __init__(self, size: int, settled: threading.Condition) -> None:
        self.size = size
        self._settled = settled  # shared by all deliveries of a producer: one lock, not thousands
        self._offset: int | None = None
        self._error: EvenhandError | None = None
        self._callbacks: list[Callable[[Delivery], None]] | None = []

    @property
    def done(self) -> bool:
        return self._callbacks is None

    def result(self, timeout_seconds: float) -> int:
        with self._settled:
            if not self._settled.wait_for(lambda: self.done, timeout_seconds):
                raise BusError(f"not acknowledged within {timeout_seconds} s; it may be later")
        if self._error is not None:
            raise self._error
        if self._offset is None:
            raise BusError("acknowledged without an offset")
        return self._offset

    def add_callback(self, callback: Callable[[Delivery], None]) -> None:
        with self._settled:
            if self._callbacks is not None:
                self._callbacks.append(callback)
                return
        self._call(callback)

    def settle(self, outcome: int | EvenhandError) -> list[Callable[[Delivery], None]]:
        """Note the offset or the error under the producer's lock; returns what is to be called."""
        callbacks, self._callbacks = self._callbacks or [], None
        if isinstance(outcome, int):
            self._offset = outcome
        else:
            self._error = outcome
        return callbacks

    def call(self, callbacks: Iterable[Callable[[Delivery], None]]) -> None:
        """Run callbacks; one that fails is logged and hinders nobody."""
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: Callable[[Delivery], None]) -> None:
        try:
            callback(self)
        except Exception:  # noqa: BLE001 - the user's code, on our thread
            _LOG.exception("a delivery callback failed")


class InFlight:
    """Records that were handed over and are not done, bounded in bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._count = 0
        self._settled = threading.Condition()

    def admit(self, size: int, timeout_seconds: float) -> PendingDelivery:
        """Wait for room and take it; raises BusError after ``timeout_seconds``."""
        with self._settled:
            if not self._settled.wait_for(lambda: self._fits(size), timeout_seconds):
                raise BusError(
                    f"{self._bytes} bytes wait for the bus (bound {self._max_bytes}), "
                    f"none went within {timeout_seconds} s"
                )
            self._bytes += size
            self._count += 1
        return PendingDelivery(size, self._settled)

    def settle(self, outcomes: Iterable[tuple[PendingDelivery, int | EvenhandError]]) -> None:
        """End deliveries with their offset or error, and call back; each at most once."""
        waiting = []
        with self._settled:
            for delivery, outcome in outcomes:
                if not delivery.done:
                    waiting.append((delivery, delivery.settle(outcome)))
                    self._bytes -= delivery.size
                    self._count -= 1
            self._settled.notify_all()
        for delivery, callbacks in waiting:
            delivery.call(callbacks)

    def wait_until_empty(self, timeout_seconds: float) -> None:
        """Wait until everything is done; raises BusError after ``timeout_seconds``."""
        with self._settled:
            if not self._settled.wait_for(lambda: self._count == 0, timeout_seconds):
                raise BusError(f"{self._count} records not acknowledged in {timeout_seconds} s")

    def _fits(self, size: int) -> bool:
        return self._bytes == 0 or self._bytes + size <= self._max_bytes

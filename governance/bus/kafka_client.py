"""The one door to kafka-python: imported quietly, with a fast checksum, its log flood tamed.

kafka-python computes CRC-32C in pure Python (7 to 50 times slower overall) unless the package
``crc32c`` is there, which is LGPL. google-crc32c computes the same and is Apache-2.0.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import google_crc32c

from governance.errors import BusError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

with warnings.catch_warnings():
    # Python 3.11: it reads its message schemas by a deprecated function
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import (
        ConsumerRebalanceListener,
        KafkaAdminClient,
        KafkaConsumer,
        KafkaProducer,
        OffsetAndMetadata,
        TopicPartition,
        errors,
    )
    from kafka.admin import ConfigResource, ConfigResourceType
    from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
    from kafka.net.compat import KafkaNetClient
    from kafka.net.inet import KafkaNetSocket
    from kafka.record import util as record_util

__all__ = [
    "ConfigResource",
    "ConfigResourceType",
    "ConsumerRebalanceListener",
    "CooperativeStickyAssignor",
    "KafkaAdminClient",
    "KafkaConsumer",
    "KafkaProducer",
    "OffsetAndMetadata",
    "TopicPartition",
    "checksum",
    "connect",
    "errors",
]

_T = TypeVar("_T")

_RECONNECT_MS = 500  # the default of 30 s keeps clients from a broker that came back long ago


def connect(
    kind: Callable[..., _T], servers: Sequence[str], timeout_seconds: float, **config: Any
) -> _T:
    """Make a client of that class and connect it.

    Raises
    ------
    BusError
        If no server answers within ``timeout_seconds``; nothing is left running then.
    """
    networks: list[Any] = []

    def network(**network_config: Any) -> Any:
        networks.append(KafkaNetClient(**network_config))
        return networks[-1]

    try:
        return kind(
            bootstrap_servers=list(servers),
            bootstrap_timeout_ms=round(timeout_seconds * 1000),
            reconnect_backoff_max_ms=_RECONNECT_MS,
            kafka_client=network,
            **config,
        )
    except (errors.KafkaError, OSError) as error:
        for left in networks:  # a constructor that fails leaves its thread and sockets behind
            left.close()
        raise BusError(f"Kafka at {','.join(servers)} does not answer: {error}") from None


def checksum(content: bytes | bytearray | memoryview) -> int:
    """CRC-32C of bytes, as kafka-python asks for it."""
    return google_crc32c.value(bytes(content))  # type: ignore[no-any-return]


_sock_connect = KafkaNetSocket.sock_connect


async def _connect_or_close(
    self: Any, net: Any, sock: Any, address: Any, timeout_at: float | None = None
) -> Any:
    try:
        return await _sock_connect(self, net, sock, address, timeout_at=timeout_at)
    except BaseException:
        sock.close()
        raise


# it leaves every socket that failed to connect to the garbage collector: two a second while a
# broker is away
KafkaNetSocket.sock_connect = _connect_or_close

# bound as a default argument when kafka-python was imported: replaced where it is kept, so that it
# holds whoever imported kafka first
if record_util.crc32c_c is None:
    record_util.calc_crc32c.__defaults__ = (checksum,)

# it writes several ERROR lines a second while a broker is away; our adapters say that once
logging.getLogger("kafka").setLevel(logging.CRITICAL)

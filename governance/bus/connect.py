"""From a URL to a bus."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from governance.clock import SystemClock
from governance.errors import ConfigError

if TYPE_CHECKING:
    from governance.bus.ports import Bus
    from governance.clock import Clock

Client = Literal["auto", "kafka-python", "confluent"]

_FORMS = "write file:DIR or kafka://HOST:PORT[,HOST:PORT...]"


def open_bus(url: str, *, clock: Clock | None = None, client: Client = "auto") -> Bus:
    """The bus at ``file:DIR`` or ``kafka://HOST:PORT,...``; nothing is connected yet.

    Parameters
    ----------
    url : str
        Where the bus is.
    clock : Clock
        Stamps the records of the embedded bus; Kafka's are stamped by the broker.
    client
        What speaks to Kafka: ``kafka-python``, which is always installed, ``confluent``, which
        the extra ``fast`` brings, or ``auto``: the latter where it is installed.

    Raises
    ------
    ConfigError
        If the URL is neither, or the client is not installed.
    """
    scheme, colon, rest = url.partition(":")
    if scheme == "file" and colon:
        return _embedded(url, rest, clock or SystemClock())
    if scheme == "kafka" and rest.startswith("//"):
        return _kafka(url, rest[2:], client)
    raise ConfigError(f"{url!r} is no bus that Evenhand knows: {_FORMS}")


def _embedded(url: str, rest: str, clock: Clock) -> Bus:
    from governance.bus.embedded import EmbeddedBus  # noqa: PLC0415 - no locks where Kafka is used

    path = rest.removeprefix("//") if rest.startswith("///") else rest
    if not path or path.startswith("//"):
        raise ConfigError(f"{url!r} names no folder: write file:DIR or file:///DIR")
    return EmbeddedBus(Path(path), clock)


def _kafka(url: str, rest: str, client: Client) -> Bus:
    servers = tuple(rest.removesuffix("/").split(","))
    for server in servers:
        host, colon, port = server.rpartition(":")
        if not (host and colon and port.isdecimal() and 0 < int(port) < 65536) or "/" in server:
            raise ConfigError(f"{url!r}: {server!r} is not HOST:PORT; {_FORMS}")
    installed = importlib.util.find_spec("confluent_kafka") is not None
    if client == "confluent" and not installed:
        raise ConfigError(
            "bus.client is confluent, and confluent-kafka is not installed: pip install "
            "evenhand[fast], or let bus.client be auto"
        )
    if installed and client != "kafka-python":
        from governance.bus.confluent import ConfluentBus  # noqa: PLC0415 - only what is used

        return ConfluentBus(servers)
    from governance.bus.kafka import KafkaBus  # noqa: PLC0415 - its client takes 0.15 s to import

    return KafkaBus(servers)

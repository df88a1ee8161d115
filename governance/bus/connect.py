"""From a URL to a bus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from governance.clock import SystemClock
from governance.errors import ConfigError

if TYPE_CHECKING:
    from governance.bus.ports import Bus
    from governance.clock import Clock

_FORMS = "write file:DIR or kafka://HOST:PORT[,HOST:PORT...]"


def open_bus(url: str, *, clock: Clock | None = None) -> Bus:
    """The bus at ``file:DIR`` or ``kafka://HOST:PORT,...``; nothing is connected yet.

    Parameters
    ----------
    url : str
        Where the bus is.
    clock : Clock
        Stamps the records of the embedded bus; Kafka's are stamped by the broker.

    Raises
    ------
    ConfigError
        If the URL is neither.
    """
    scheme, colon, rest = url.partition(":")
    if scheme == "file" and colon:
        return _embedded(url, rest, clock or SystemClock())
    if scheme == "kafka" and rest.startswith("//"):
        return _kafka(url, rest[2:])
    raise ConfigError(f"{url!r} is no bus that Evenhand knows: {_FORMS}")


def _embedded(url: str, rest: str, clock: Clock) -> Bus:
    from governance.bus.embedded import EmbeddedBus  # noqa: PLC0415 - no locks where Kafka is used

    path = rest.removeprefix("//") if rest.startswith("///") else rest
    if not path or path.startswith("//"):
        raise ConfigError(f"{url!r} names no folder: write file:DIR or file:///DIR")
    return EmbeddedBus(Path(path), clock)


def _kafka(url: str, rest: str) -> Bus:
    servers = tuple(rest.removesuffix("/").split(","))
    for server in servers:
        host, colon, port = server.rpartition(":")
        if not (host and colon and port.isdecimal() and 0 < int(port) < 65536) or "/" in server:
            raise ConfigError(f"{url!r}: {server!r} is not HOST:PORT; {_FORMS}")
    from governance.bus.kafka import KafkaBus  # noqa: PLC0415 - its client takes 0.15 s to import

    return KafkaBus(servers)

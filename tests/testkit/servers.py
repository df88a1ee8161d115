"""The list of servers that the tests start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.testkit import (
    alertmanager,
    kafka,
    mlflow,
    model_servers,
    postgres,
    prometheus,
    webhook_libraries,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Server:
    """One server: its name, its version if it is here, and how it is fetched."""

    name: str
    here: Callable[[], str | None]
    fetch: Callable[[], str]


SERVERS = (
    Server(kafka.NAME, kafka.here, kafka.fetch),
    Server(postgres.NAME, postgres.here, postgres.fetch),
    Server(prometheus.NAME, prometheus.here, prometheus.fetch),
    Server(alertmanager.NAME, alertmanager.here, alertmanager.fetch),
    *(Server(one.server, one.here, one.fetch) for one in model_servers.ENVIRONMENTS),
    *(Server(one.name, one.here, one.fetch) for one in webhook_libraries.LIBRARIES),
)

# Fetched by name only: they take minutes, and long tests alone use them.
LONG_TO_FETCH = tuple(
    Server(one.server, one.here, one.fetch) for one in (model_servers.OPENAI, mlflow.MLFLOW)
)

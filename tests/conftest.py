"""Real servers as fixtures, and what the run says about them first and last.

``kafka``, ``postgres``, ``mlserver``, ``kserve`` and ``openai`` are handles that live as long as
the session; ``prometheus`` and ``alertmanager`` start one server per call and end them with the
test. Where a server cannot be had its tests are skipped, or fail with ``CI`` set. A test that uses
one is marked ``servers``. Each worker of pytest-xdist has its own.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tests.testkit import alertmanager as alertmanager_server
from tests.testkit import evidently as evidently_environment
from tests.testkit import kafka as kafka_server
from tests.testkit import mlflow as mlflow_server
from tests.testkit import model_servers, webhook_libraries
from tests.testkit import postgres as postgres_server
from tests.testkit import prometheus as prometheus_server
from tests.testkit.cache import ServerMissing
from tests.testkit.servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.testkit.alertmanager import AlertmanagerServer
    from tests.testkit.evidently import WithEvidently
    from tests.testkit.kafka import KafkaBroker
    from tests.testkit.model_servers import ModelServer
    from tests.testkit.postgres import PostgresServer
    from tests.testkit.prometheus import PrometheusServer

_FIXTURES = (
    *("kafka", "postgres", "prometheus", "alertmanager"),
    *("mlserver", "kserve", "openai", "mlflow", "webhook_library"),
)
_USED = pytest.StashKey[dict[str, str]]()  # server name -> version
_MISSING = pytest.StashKey[dict[str, str]]()  # server name -> why

_T = TypeVar("_T")


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[KafkaBroker]:
    """An Apache Kafka for the session; a test that breaks it mends it."""
    with ExitStack() as stack:
        started = kafka_server.start_kafka()
        yield _started(request.config, kafka_server.NAME, kafka_server.here, started, stack)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A PostgreSQL for the session; ``database()`` gives a fresh one."""
    with ExitStack() as stack:
        started = postgres_server.start_postgres()
        yield _started(request.config, postgres_server.NAME, postgres_server.here, started, stack)


@pytest.fixture(scope="session")
def mlserver(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    """An MLServer for the session, with models that its script defines."""
    environment, started = model_servers.MLSERVER, model_servers.start_mlserver()
    with ExitStack() as stack:
        yield _started(request.config, environment.server, environment.here, started, stack)


@pytest.fixture(scope="session")
def kserve(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    """A KServe ModelServer for the session, with models that its script defines."""
    environment, started = model_servers.KSERVE, model_servers.start_kserve()
    with ExitStack() as stack:
        yield _started(request.config, environment.server, environment.here, started, stack)


@pytest.fixture(scope="session")
def openai(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    """A server of OpenAI's kind for the session, with real weights; for long tests only."""
    environment, started = model_servers.OPENAI, model_servers.start_openai()
    with ExitStack() as stack:
        yield _started(request.config, environment.server, environment.here, started, stack)


@pytest.fixture(scope="session")
def mlflow(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an MLflow tracking server for the session."""
    environment, started = mlflow_server.MLFLOW, mlflow_server.start_mlflow()
    with ExitStack() as stack:
        yield _started(request.config, environment.server, environment.here, started, stack)


@pytest.fixture(
    params=[("npm", "standardwebhooks"), ("npm", "svix"), ("go", "")], ids=" ".join, scope="session"
)
def webhook_library(request: pytest.FixtureRequest) -> Callable[[list[dict[str, Any]]], list[str]]:
    """Another language's library of Standard Webhooks; gives what it says to messages."""
    tool, package = request.param
    library = webhook_libraries.NPM if tool == "npm" else webhook_libraries.GO

    @contextmanager
    def built() -> Iterator[Callable[[list[dict[str, Any]]], list[str]]]:
        library.fetch()
        yield partial(library.verdicts, package=package)

    with ExitStack() as stack:
        return _started(request.config, library.name, library.here, built(), stack)


@pytest.fixture
def prometheus(request: pytest.FixtureRequest) -> Iterator[Callable[[str], PrometheusServer]]:
    """Start a Prometheus over a configuration (YAML)."""
    with ExitStack() as stack:

        def start(config: str) -> PrometheusServer:
            started = prometheus_server.start_prometheus(config)
            name, here = prometheus_server.NAME, prometheus_server.here
            return _started(request.config, name, here, started, stack)

        yield start


@pytest.fixture
def alertmanager(request: pytest.FixtureRequest) -> Iterator[Callable[[], AlertmanagerServer]]:
    """Start an Alertmanager that tells nobody."""
    with ExitStack() as stack:

        def start() -> AlertmanagerServer:
            started = alertmanager_server.start_alertmanager()
            name, here = alertmanager_server.NAME, alertmanager_server.here
            return _started(request.config, name, here, started, stack)

        yield start


@pytest.fixture(scope="session")
def with_evidently(request: pytest.FixtureRequest) -> WithEvidently:
    """Run this tree's code where Evidently is; skipped, saying so, where it is not.

    It is too large to be fetched beside a test: ``make test-slow`` does, and CI looks first.
    """
    version = evidently_environment.here()
    if version is None:
        why = f"{evidently_environment.NAME} is not here. Build it: {evidently_environment.COMMAND}"
        request.config.stash[_MISSING][evidently_environment.NAME] = why
        pytest.skip(why)
    request.config.stash[_USED][evidently_environment.NAME] = version
    return evidently_environment.run_with_evidently


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_USED], config.stash[_MISSING] = {}, {}


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(session.config, "workerinput") or reporter is None:
        return
    absent = [server.name for server in SERVERS if not _here(server.here)]
    if absent:
        reporter.write_line(
            f"servers: {', '.join(absent)} not here yet; fetched when a test needs one"
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, or Evidently."""
    for item in items:
        if "with_evidently" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.evidently)
        if set(_FIXTURES).intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["servers_used"] = session.config.stash[_USED]
        output["servers_missing"] = session.config.stash[_MISSING]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output = getattr(node, "workeroutput", {})  # absent if the worker crashed
    node.config.stash[_USED].update(output.get("servers_used", {}))
    node.config.stash[_MISSING].update(output.get("servers_missing", {}))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    used = ", ".join(f"{name} {version}" for name, version in sorted(config.stash[_USED].items()))
    if used:
        terminalreporter.write_line(f"servers: {used}")
    for why in config.stash[_MISSING].values():
        terminalreporter.write_line(f"SERVER MISSING, its tests did not run: {why}", red=True)


def _started(
    config: pytest.Config,
    name: str,
    here: Callable[[], str | None],
    start: AbstractContextManager[_T],
    stack: ExitStack,
) -> _T:
    try:
        server = stack.enter_context(start)
    except ServerMissing as error:
        config.stash[_MISSING][name] = str(error)
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    config.stash[_USED][name] = here() or "?"
    return server


def _here(here: Callable[[], str | None]) -> bool:
    try:
        return here() is not None
    except Exception:  # noqa: BLE001 - whatever it is, the fixture will say it
        return False

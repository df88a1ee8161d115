"""A real Apache Kafka, one broker in KRaft mode: jars by Maven, started with plain Java."""

from __future__ import annotations

import base64
import hashlib
import shutil
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testkit.cache import ServerMissing, cached, filled, run
from tests.testkit.java import environment, fetch_java, fetch_maven, java
from tests.testkit.ports import accepts, free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "Apache Kafka"
VERSION = "4.3.1"

_POM = Path(__file__).with_name("kafka.pom.xml")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy-dependencies"
_REMEDY = "Install Maven and Java 17 (apt-get install maven openjdk-17-jre-headless)"
_JAVA = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# the default takes 128 MB of heap
log.cleaner.dedupe.buffer.size=2097152
# the defaults take 12 s to come back after kill -9
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
"""


def here() -> str | None:
    """The version, if nothing has to be fetched."""
    return VERSION if java() and cached("kafka", _stamp()) else None


def fetch() -> str:
    """Fetch what is missing and return the version; raises ServerMissing."""
    try:
        fetch_java()
        filled("kafka", _stamp(), _copy_jars)
    except RuntimeError as error:
        raise ServerMissing(NAME, str(error), _REMEDY) from None
    return VERSION


class KafkaBroker:
    """A running broker; it keeps its port and its data over ``restart``."""

    def __init__(self, folder: Path, advertised_port: int | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.url = f"kafka://{self.bootstrap}"
        self._properties = folder / "server.properties"
        ports = {
            "port": self.port,
            "advertised": advertised_port or self.port,
            "controller": free_port(),
        }
        self._properties.write_text(_PROPERTIES.format(folder=folder, **ports))
        self._process = ServerProcess(
            _command("kafka.Kafka", str(self._properties)), folder / "broker.log"
        )

    def format(self) -> None:
        """Write the empty storage."""
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = ("format", f"--cluster-id={cluster}", f"--config={self._properties}")
        run(_command("kafka.tools.StorageTool", *arguments))

    def start(self) -> None:
        """Start and wait until it serves; its client port opens last."""
        self._process.start(lambda: accepts(self.port))

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()

    def restart(self) -> None:
        """Start again after ``kill`` or ``stop``, over the same data."""
        self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        self._process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self._process.resume()

    def stop(self) -> None:
        """End it in order."""
        self._process.stop()


@contextmanager
def start_kafka(advertised_port: int | None = None) -> Iterator[KafkaBroker]:
    """A broker with empty topics, for the length of the block; raises ServerMissing.

    ``advertised_port`` is that of a relay which stands before it.
    """
    fetch()
    broker = _started(advertised_port, tries=3)
    try:
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(broker.folder, ignore_errors=True)


def _started(advertised_port: int | None, *, tries: int) -> KafkaBroker:
    broker = KafkaBroker(Path(tempfile.mkdtemp(prefix="evh-kafka-")), advertised_port)
    try:
        broker.format()
        broker.start()
    except RuntimeError:  # a port that was free when it was chosen may not be any more
        shutil.rmtree(broker.folder, ignore_errors=True)
        if tries == 1:
            raise
        return _started(advertised_port, tries=tries - 1)
    return broker


def _stamp() -> str:
    return hashlib.sha256(_POM.read_bytes()).hexdigest()


def _copy_jars(folder: Path) -> None:
    pom = folder / "pom.xml"  # a copy: Maven writes beside it
    shutil.copyfile(_POM, pom)
    target = ["-DincludeScope=runtime", f"-DoutputDirectory={folder}/libs"]
    argv = [*fetch_maven(), "-q", "-B", "-C", "-f", str(pom), _COPY, *target]
    run(argv, env=environment(fetch_java()))


def _command(main_class: str, *arguments: str) -> list[str]:
    folder = filled("kafka", _stamp(), _copy_jars)
    return [str(fetch_java()), *_JAVA, "-cp", f"{folder}/libs/*", main_class, *arguments]

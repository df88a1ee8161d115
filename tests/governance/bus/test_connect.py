from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from governance.bus.confluent import ConfluentBus
from governance.bus.connect import open_bus
from governance.bus.embedded import EmbeddedBus
from governance.bus.kafka import KafkaBus
from governance.errors import BusError, ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from governance.bus.connect import Client
    from governance.bus.ports import Bus


def test_a_file_url_is_the_embedded_bus(tmp_path: Path) -> None:
    """file:DIR and file:///DIR name the same folder."""
    assert isinstance(open_bus(f"file:{tmp_path}"), EmbeddedBus)
    assert open_bus(f"file:{tmp_path}").ensure_topic("t", 2) == 2
    assert open_bus(f"file://{tmp_path}").ensure_topic("t", 9) == 2


KAFKA = "kafka://a:9092,b.example:9092"


@pytest.mark.parametrize(
    ("client", "kind"),
    [("auto", ConfluentBus), ("confluent", ConfluentBus), ("kafka-python", KafkaBus)],
)
def test_a_kafka_url_is_kafka_and_nothing_is_connected_yet(client: Client, kind: type[Bus]) -> None:
    """Several servers are separated by commas; the client is the one that is named."""
    assert isinstance(open_bus(KAFKA, client=client), kind)


def test_without_the_extra_fast_auto_is_kafka_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where confluent-kafka is asked for by name, the remedy is said."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert isinstance(open_bus(KAFKA), KafkaBus)
    with pytest.raises(ConfigError, match=r"pip install evenhand\[fast\]"):
        open_bus(KAFKA, client="confluent")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file",
        "file:",
        "file://host/dir",
        "kafka:",
        "kafka://",
        "kafka://host",
        "kafka://host:0",
        "kafka://host:99999",
        "kafka://a:1,,b:2",
        "kafka://a:1/topic",
        "redis://a:1",
        "/tmp/x",
    ],
)
def test_another_url_is_refused_with_the_two_forms(url: str) -> None:
    """The message quotes the URL and says what to write."""
    with pytest.raises(ConfigError, match=r"write (file:DIR|kafka://)") as caught:
        open_bus(url)
    assert repr(url) in str(caught.value)


def test_a_folder_that_cannot_hold_a_bus_is_said_with_the_remedy(tmp_path: Path) -> None:
    """A file in its place: the message names it, and what to do."""
    (tmp_path / "bus").write_text("")
    with pytest.raises(BusError, match=r"bus: .*; name a writable folder by file:DIR"):
        open_bus(f"file:{tmp_path / 'bus'}").ensure_topic("t", 1)


def test_the_embedded_bus_does_not_load_kafka(tmp_path: Path) -> None:
    """Opening file:DIR imports no Kafka client."""
    code = (
        "import sys; from governance.bus.connect import open_bus; "
        f"open_bus('file:{tmp_path}').producer().close(); "
        "sys.exit(bool({'kafka', 'confluent_kafka'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

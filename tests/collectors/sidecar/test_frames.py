from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collectors.sidecar.frames import Kind, Unpacker, pack

FRAMES = st.lists(
    st.tuples(st.sampled_from(Kind), st.integers(0, 2**62), st.lists(st.binary(max_size=300)))
)


@given(FRAMES, st.integers(1, 500))
def test_frames_survive_any_cut(frames: list[tuple[Kind, int, list[bytes]]], size: int) -> None:
    """What was packed comes out, whole and in order, however the stream is cut."""
    stream = b"".join(pack(*frame) for frame in frames)
    unpacker = Unpacker()
    found: list[tuple[Any, ...]] = []
    for at in range(0, len(stream), size):
        found += unpacker.feed(stream[at : at + size])
    assert found == frames

"""Packed sums: named integer arrays as few bytes, and trailing sums straight from these bytes.

Arrays lie in planes, one for each width of a number: 1, 2, 4 and 8 bytes. In the plane of single
bytes the numbers that need more are written apart. Panes of one component look alike, so a ladder
of panes is read and added up plane by plane, all panes at once.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from governance.algebra.sums import merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from governance.algebra.sums import Sums

    Numbers = NDArray[np.int64]

_WIDTHS = (1, 2, 4, 8)
_WIDEST_APART = 4
_SHORT = 2**15
_SHIFT_STEP = 8  # scales are powers of 2^8; what else divides all numbers does so by chance


def pack(sums: Mapping[str, Numbers]) -> bytes:
    """The arrays as bytes, by name: what all numbers of one have in common is written once.

    Without the power of two that divides them all, each array goes where it takes the least room:
    into the plane of its width, into that of single bytes where few numbers need more, or
    compressed where that halves it. Equal sums give equal bytes, so a replay can be compared byte
    for byte.
    """
    layout: list[tuple[str, list[int], int, int]] = []
    planes: dict[int, list[Numbers]] = {width: [] for width in _WIDTHS}
    compressed: list[bytes] = []
    for name in sorted(sums):
        shift = _common_shift(sums[name])
        numbers = (sums[name] >> shift).ravel()
        form, small = _least(numbers)
        layout.append((name, list(sums[name].shape), shift, form))
        if form < 0:
            compressed.append(small)
        else:
            planes[form].append(numbers)
    written = [msgspec.msgpack.encode(layout), *_written(planes), compressed]
    # A copy: behind its bytes msgspec keeps half as much room again, for as long as they live.
    return bytes(memoryview(msgspec.msgpack.encode(written)))


def unpack(blob: bytes) -> Sums:
    """Read what ``pack`` wrote, as int64 arrays."""
    return _only(_DECODER.decode(blob))


class PackedSums(Mapping[str, "NDArray[np.int64]"]):
    """What ``pack`` wrote as named arrays, read only once one is asked for; names cost little."""

    def __init__(self, blob: bytes) -> None:
        self.packed = _DECODER.decode(blob)  # as it is written

    def __getitem__(self, name: str) -> Numbers:
        return self._arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self._layout.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.entries)

    def __len__(self) -> int:
        return len(self._layout.entries)

    @property
    def _layout(self) -> _Layout:
        return _read_layout(self.packed.layout)

    @cached_property
    def _arrays(self) -> Sums:
        sums = _only(self.packed)
        for array in sums.values():
            array.flags.writeable = False  # every verdict reads the same
        return sums


class TrailingSums:
    """Sums of the last 1, 2, 4 ... of many parts, read as far as they are asked for.

    Parameters
    ----------
    parts
        Named arrays, oldest first; one that is absent counts as zeros, one that is shorter than
        others of its name is padded with zeros at its end.
    lengths
        Rising, at least one, none longer than ``parts``.
    """

    def __init__(self, parts: Sequence[Mapping[str, Numbers]], lengths: Sequence[int]) -> None:
        self._lengths = np.asarray(lengths)
        newest_first = parts[: -lengths[-1] - 1 : -1]
        self._plain: dict[int, Mapping[str, Numbers]] = {}
        alike: dict[bytes, list[int]] = {}
        for place, part in enumerate(newest_first):
            if isinstance(part, PackedSums):
                alike.setdefault(part.packed.layout, []).append(place)
            elif part:
                self._plain[place] = part
        self._alike = {
            places[0]: _Alike(
                [newest_first[place].packed for place in places],  # type: ignore[attr-defined]
                np.searchsorted(places, self._lengths),
            )
            for places in alike.values()
        }

    @property
    def names(self) -> frozenset[str]:
        """Of all arrays that any part has."""
        return frozenset(name for part in self._parts.values() for name in part)

    def get(self, name: str) -> Numbers | None:
        """Sums of one array, shape (lengths, ...); None where no part has it. Not to be changed."""
        stacks = [{name: of.total(name)} for of in self._alike.values() if name in of]
        stacks += [
            {name: _repeated(part[name], place < self._lengths)}
            for place, part in self._plain.items()
            if name in part
        ]
        return merge(stacks).get(name)

    def since(self, name: str) -> int:
        """The first row (place in ``lengths``) in which some part has the array."""
        place = min(place for place, part in self._parts.items() if name in part)
        return int(np.searchsorted(self._lengths, place, side="right"))

    @property
    def _parts(self) -> dict[int, Iterable[str]]:
        """Parts that are alike by the place of the newest, from the newest on."""
        return {**self._alike, **self._plain}


class _Packed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What ``pack`` writes, in this order.

    ``of_1`` to ``of_8`` are the planes; then places and numbers of those written apart.
    """

    layout: bytes
    of_1: bytes
    of_2: bytes
    of_4: bytes
    of_8: bytes
    short_places: bytes
    short: bytes
    long_places: bytes
    long: bytes
    compressed: list[bytes]


_DECODER = msgspec.msgpack.Decoder(_Packed)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where an array is.

    ``form`` is the width of its plane, where it takes ``start`` to ``stop``; or less than 0, the
    width that it had before it was compressed to number ``start``.
    """

    shape: tuple[int, ...]
    shift: int
    form: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Layout:
    entries: dict[str, _Entry]
    sizes: dict[int, int]  # of planes


@lru_cache(maxsize=256)
def _read_layout(written: bytes) -> _Layout:
    sizes = dict.fromkeys(_WIDTHS, 0)
    entries, compressed = {}, 0
    for name, shape, shift, form in msgspec.msgpack.decode(written):
        if form < 0:
            start, stop = compressed, compressed + 1
            compressed = stop
        else:
            start, stop = sizes[form], sizes[form] + math.prod(shape)
            sizes[form] = stop
        entries[name] = _Entry(tuple(shape), shift, form, start, stop)
    return _Layout(entries, sizes)


class _Alike:
    """Packed parts of one layout, newest first; row k of their sums is of the first ``ends[k]``."""

    def __init__(self, parts: Sequence[_Packed], ends: NDArray[np.intp]) -> None:
        self._parts, self._ends = parts, ends
        self._layout = _read_layout(parts[0].layout)
        self._totals: dict[int, Numbers] = {}  # of whole planes

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.entries)

    def __contains__(self, name: str) -> bool:
        return name in self._layout.entries

    def total(self, name: str) -> Numbers:
        """Sums of one array, shape (rows, ...)."""
        entry = self._layout.entries[name]
        if entry.form < 0:
            total = _running(_inflated(self._parts, entry), self._ends)
        else:
            total = self._plane(entry.form)[:, entry.start : entry.stop]
        return (total << entry.shift).reshape(len(total), *entry.shape)

    def _plane(self, width: int) -> Numbers:
        if width not in self._totals:
            plane = _plane(self._parts, width, self._layout.sizes[width])
            self._totals[width] = _running(plane, self._ends)
        return self._totals[width]


def _only(part: _Packed) -> Sums:
    alone = _Alike([part], np.ones(1, dtype=np.intp))
    return {name: alone.total(name)[0] for name in alone}


def _running(numbers: Numbers, ends: NDArray[np.intp]) -> Numbers:
    """Sums of the first ``ends`` rows, shape (ends, numbers)."""
    totals = np.zeros((len(ends), numbers.shape[1]), dtype=np.int64)
    begins = np.append(0, ends[:-1])
    for row, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        np.add.reduce(numbers[begin:end], axis=0, out=totals[row])
        if row:
            totals[row] += totals[row - 1]
    return totals


def _plane(packed: Sequence[_Packed], width: int, size: int) -> Numbers:
    """One plane of all parts, shape (parts, size)."""
    written = b"".join([getattr(part, f"of_{width}") for part in packed])
    small = np.frombuffer(written, dtype=f"<i{width}").reshape(len(packed), size)
    plane: Numbers = small.astype(np.int64)
    if width > 1:
        return plane
    place = _place(size)
    for places, numbers, dtype in (
        ([part.short_places for part in packed], [part.short for part in packed], "<i2"),
        ([part.long_places for part in packed], [part.long for part in packed], "<i4"),
    ):
        apart = [len(each) // place.itemsize for each in places]
        rows = np.repeat(np.arange(len(packed)), apart)
        columns = np.frombuffer(b"".join(places), dtype=place)
        plane[rows, columns] = np.frombuffer(b"".join(numbers), dtype=dtype)
    return plane


def _inflated(packed: Sequence[_Packed], entry: _Entry) -> Numbers:
    written = [zlib.decompress(part.compressed[entry.start]) for part in packed]
    small = np.frombuffer(b"".join(written), dtype=f"<i{-entry.form}")
    return small.astype(np.int64).reshape(len(packed), -1)


def _repeated(array: Numbers, within: NDArray[np.bool_]) -> Numbers:
    """An array in the rows that it belongs to, zeros elsewhere."""
    return array * within.reshape(-1, *(1,) * array.ndim).astype(np.int64)


def _written(planes: Mapping[int, Sequence[Numbers]]) -> list[bytes]:
    """The planes; then places and numbers of those apart, first the short ones."""
    small, *wide = (_joined(planes[width]) for width in _WIDTHS)
    is_apart = (small < -(2**7)) | (small >= 2**7)
    is_short = (small >= -_SHORT) & (small < _SHORT)
    apart = []
    for chosen, dtype in ((is_apart & is_short, "<i2"), (is_apart & ~is_short, "<i4")):
        places = np.flatnonzero(chosen)
        apart += [
            places.astype(_place(len(small))).tobytes(),
            small[places].astype(dtype).tobytes(),
        ]
    small[is_apart] = 0
    of_wide = [each.astype(f"<i{w}").tobytes() for each, w in zip(wide, _WIDTHS[1:], strict=True)]
    return [small.astype("<i1").tobytes(), *of_wide, *apart]


def _joined(parts: Sequence[Numbers]) -> Numbers:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _place(size: int) -> np.dtype[Any]:
    return np.dtype("<u2" if size <= 2**16 else "<u4")


def _least(numbers: Numbers) -> tuple[int, bytes]:
    """The form of an array that takes the least room; its bytes where these are compressed."""
    narrow = _narrow(numbers)
    width, plain = narrow.itemsize, narrow.tobytes()
    small = zlib.compress(plain, 1)
    sizes = [(2 * len(small) - 1, -width), (len(plain), width)]
    if width <= _WIDEST_APART:
        sizes.append((_bytes_with_some_apart(numbers), 1))
    _, form = min(sizes)
    return form, small if form < 0 else b""


def _bytes_with_some_apart(numbers: Numbers) -> int:
    """How many bytes the numbers take in the plane of single bytes, if that is not very long."""
    apart = int(np.count_nonzero((numbers < -(2**7)) | (numbers >= 2**7)))
    long = int(np.count_nonzero((numbers < -_SHORT) | (numbers >= _SHORT)))
    return len(numbers) + 4 * apart + 2 * long


def _common_shift(array: Numbers) -> int:
    """The largest power of 2^``_SHIFT_STEP`` that divides every number; 0 where all are 0."""
    bits = int(np.bitwise_or.reduce(array, axis=None))
    return max(0, (bits & -bits).bit_length() - 1) // _SHIFT_STEP * _SHIFT_STEP


def _narrow(array: Numbers) -> NDArray[Any]:
    if array.size == 0:
        return array.astype("<i1")
    low, high = int(array.min()), int(array.max())
    for dtype in ("<i1", "<i2", "<i4"):
        bounds = np.iinfo(dtype)
        if bounds.min <= low and high <= bounds.max:
            return array.astype(dtype)
    return array.astype("<i8")

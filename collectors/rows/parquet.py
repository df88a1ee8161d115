"""Parquet: the one home of pyarrow for files, which the base install does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from collectors.arrays import flat_array
from collectors.rows.table import ROWS_PER_TABLE, LeftOut, Table, unique_names
from governance.errors import ConfigError
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


class ParquetRows:
    """An opened Parquet file; raises ConfigError if it is none, or pyarrow is not installed."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra, and only files of this kind need it
            from pyarrow import parquet  # noqa: PLC0415 - as above
        except ModuleNotFoundError:
            raise ConfigError(
                f"{path}: Parquet needs pyarrow: pip install 'evenhand[parquet]', or give CSV"
            ) from None
        self._pa = pa
        self._path = path
        self.left_out = LeftOut()
        try:
            self._file = parquet.ParquetFile(raw)
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(f"{path}: is no readable Parquet file: {error}") from None
        self.names = unique_names(path, self._file.schema_arrow.names)
        self._rows = max(1, self._file.metadata.num_rows)
        self._read = 0

    def tables(self, rows: int = ROWS_PER_TABLE) -> Iterator[Table]:
        """See ``RowFile``."""
        try:
            for batch in self._batches(rows):
                if batch.num_rows:
                    columns = {name: self._values(batch.column(name)) for name in self.names}
                    yield Table(batch.num_rows, self._read, columns)
                    self._read += batch.num_rows
        except (self._pa.ArrowException, OSError) as error:
            raise ConfigError(f"{self._path}: is damaged: {error}") from None

    def progress(self) -> float:
        """See ``RowFile``."""
        return min(1.0, float(self._read) / float(self._rows))

    def _batches(self, rows: int) -> Iterator[Any]:
        if rows < self._rows:
            yield from self._file.iter_batches(batch_size=rows)
            return
        # As one: dictionaries of different row groups would end a batch.
        whole = self._file.read().unify_dictionaries()
        yield from whole.combine_chunks().to_batches()

    def _values(self, array: Any) -> Column | NDArray[Any]:
        types = self._pa.types
        kind = array.type
        if _is_text(types, kind):
            return _texts(array.dictionary_encode())
        if types.is_dictionary(kind):
            plain = not _is_text(types, kind.value_type)
            return self._values(array.dictionary_decode()) if plain else _texts(array)
        if types.is_timestamp(kind) or types.is_date(kind):
            return _instants(array.cast(self._pa.timestamp("us")))
        if types.is_decimal(kind):
            array = array.cast(self._pa.float64())
        if types.is_floating(array.type):
            return _floats(array)
        if types.is_integer(kind) and array.null_count == 0:
            return np.asarray(array.to_numpy(zero_copy_only=False))
        return flat_array(array.to_pylist())


def _is_text(types: Any, kind: Any) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _texts(array: Any) -> Column:
    texts = array.dictionary.to_pylist()
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    empty = [code for code, text in enumerate(texts) if not text]
    if empty:
        codes[np.isin(codes, empty)] = -1
    return Column(codes, tuple(text or "" for text in texts))


def _floats(array: Any) -> NDArray[np.float64]:
    missing = np.asarray(array.is_null())
    values = array.to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isnan(values) & ~missing, np.inf, values)


def _instants(array: Any) -> NDArray[np.datetime64]:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype="datetime64[us]")

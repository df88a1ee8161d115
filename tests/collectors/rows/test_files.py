"""Row files: CSV, JSONL, Parquet, and what is wrong with some of them."""

from __future__ import annotations

import builtins
import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from collectors.replay import open_rows
from collectors.rows.values import floats, instants_us, texts
from governance.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from collectors.rows.table import Table


def _write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _one(path: Path) -> Table:
    with open_rows(path) as rows:
        (table,) = rows.tables()
    return table


def _error(path: Path) -> str:
    with pytest.raises(ConfigError) as caught, open_rows(path) as rows:
        list(rows.tables())
    return str(caught.value)


def test_csv_cells_are_texts_in_file_order(tmp_path: Path) -> None:
    """Quotes, commas and line breaks in cells; empty is missing."""
    table = _one(_write(tmp_path, "a.csv", 'id,note\n1,"a, b"\n2,\n3,"x\ny"\n'))
    assert texts(table.columns["id"]) == ["1", "2", "3"]
    assert texts(table.columns["note"]) == ["a, b", None, "x\ny"]


def test_a_mark_of_byte_order_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    """Spreadsheets write one."""
    for name, content in (("a.csv", b"id\n1\n"), ("a.jsonl", b'{"id": 1}\n')):
        path = _write(tmp_path, name, b"\xef\xbb\xbf" + content)
        with open_rows(path) as rows:
            assert rows.names == ("id",)


def test_ragged_rows_are_left_out_and_located(tmp_path: Path) -> None:
    """Their number and the first lines are said; the other rows stay."""
    with open_rows(_write(tmp_path, "a.csv", "a,b\n1,2\n3\n4,5,6\n\n7,8\n")) as rows:
        (table,) = rows.tables()
    assert texts(table.columns["a"]) == ["1", "7"]
    assert rows.left_out.lines() == [
        "2 rows left out, ragged: line 3 has 1 cells, not 2; line 4 has 3 cells, not 2"
    ]


def test_tables_are_bounded_and_numbered(tmp_path: Path) -> None:
    """Ten rows by four are three tables; none is empty."""
    with open_rows(_write(tmp_path, "a.csv", "a\n" + "1\n" * 10)) as rows:
        assert [(table.first, table.n) for table in rows.tables(4)] == [(0, 4), (4, 4), (8, 2)]
        assert rows.progress() == 1.0


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_numbers_that_are_none_are_told_from_missing_ones(tmp_path: Path, name: str) -> None:
    """Empty is missing; nan, inf and text in a numeric column are not finite."""
    csv = 'x\n1\n""\nnan\ninf\n-inf\nhigh\n'
    jsonl = '{"x": 1}\n{"x": null}\n{"x": NaN}\n{"x": Infinity}\n{"x": -Infinity}\n{"x": "high"}\n'
    numbers = floats(_one(_write(tmp_path, name, csv if name == "a.csv" else jsonl)).columns["x"])
    assert numbers[0] == 1
    assert np.isnan(numbers).tolist() == [False, True, False, False, False, False]
    assert np.isinf(numbers).tolist() == [False, False, True, True, True, True]


def test_jsonl_keys_are_columns(tmp_path: Path) -> None:
    """A key that a line lacks is missing there; blank lines are nothing."""
    table = _one(_write(tmp_path, "a.jsonl", '{"a": 1, "b": true}\n\n{"a": 1.0, "c": "x"}\n'))
    assert texts(table.columns["a"]) == ["1", "1"]
    assert texts(table.columns["b"]) == ["true", None]
    assert texts(table.columns["c"]) == [None, "x"]


def test_lines_that_are_no_object_are_left_out_and_located(tmp_path: Path) -> None:
    """Broken JSON and other JSON are counted; the other lines stay."""
    lines = b'{"a": 1}\n{"a": \n[1]\n' + b"[" * 100_000 + b'\n{"a": 2}\n'
    with open_rows(_write(tmp_path, "a.jsonl", lines)) as rows:
        (table,) = rows.tables()
    assert texts(table.columns["a"]) == ["1", "2"]
    assert rows.left_out.counts == {"malformed": 3}
    assert "line 3 is a JSON list, not an object" in rows.left_out.lines()[0]


def test_parquet_types_are_read(tmp_path: Path) -> None:
    """Integers, floats with null and NaN, texts coded or not, booleans, instants, decimals."""
    instant = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    columns: dict[str, Any] = {
        "i": pa.array([1, 2, 3]),
        "gap": pa.array([1, None, 3]),
        "f": pa.array([0.5, None, math.nan]),
        "s": pa.array(["a", None, ""]),
        "d": pa.array(["a", None, "b"]).dictionary_encode(),
        "n": pa.array([7, None, 7]).dictionary_encode(),
        "b": pa.array([True, None, False]),
        "t": pa.array([instant, None, instant], pa.timestamp("ns", "UTC")),
        "day": pa.array([instant.date()] * 3),
        "dec": pa.array([1, 2, 3]).cast(pa.decimal128(25, 2)),
    }
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table(columns), path)
    read = _one(path).columns
    assert texts(read["i"]) == ["1", "2", "3"]
    assert texts(read["gap"]) == ["1", None, "3"]
    assert np.isnan(floats(read["f"])).tolist() == [False, True, False]
    assert floats(read["f"])[2] == math.inf
    assert texts(read["s"]) == ["a", None, None]
    assert texts(read["d"]) == ["a", None, "b"]
    assert texts(read["n"]) == ["7", None, "7"]
    assert texts(read["b"]) == ["true", None, "false"]
    assert instants_us(read["t"]).tolist() == [1_704_067_200_000_000, -1, 1_704_067_200_000_000]
    assert instants_us(read["day"]).tolist() == [1_704_067_200_000_000] * 3
    assert floats(read["dec"]).tolist() == [1.0, 2.0, 3.0]


def test_row_groups_with_dictionaries_of_their_own_make_one_table(tmp_path: Path) -> None:
    """A file that was written in parts is read as a whole where it is asked for as a whole."""
    path = tmp_path / "a.parquet"
    parts = [pa.table({"x": pa.array([text, "a"]).dictionary_encode()}) for text in "bc"]
    with parquet.ParquetWriter(path, parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part)
    with open_rows(path) as rows:
        (table,) = rows.tables(1_000)
    assert texts(table.columns["x"]) == ["b", "a", "c", "a"]


def test_one_column_reads_the_same_from_every_format(tmp_path: Path) -> None:
    """Integers, floats of whole numbers and texts have one canonical text."""
    parquet.write_table(pa.table({"x": pa.array([1.0, 2.0])}), tmp_path / "a.parquet")
    files = [
        _write(tmp_path, "a.csv", "x\n1\n2.0\n"),
        _write(tmp_path, "a.jsonl", '{"x": 1}\n{"x": "2"}\n'),
        tmp_path / "a.parquet",
    ]
    assert [texts(_one(file).columns["x"]) for file in files] == [["1", "2"]] * 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("1704067200", 1_704_067_200_000_000),
        ("1704067200.5", 1_704_067_200_500_000),
        ("2024-01-01T00:00:00Z", 1_704_067_200_000_000),
        ("2024-01-01 01:00:00+01:00", 1_704_067_200_000_000),
        ("2024-01-01", 1_704_067_200_000_000),
        ("", -1),
        ("soon", -1),
        ("inf", -1),
        ("-1", -1),
        ("1704067200000", -1),
    ],
)
def test_instants_are_rfc3339_or_unix_seconds(tmp_path: Path, values: str, expected: int) -> None:
    """A naive time is UTC; milliseconds, text and what is before 1970 are no instants."""
    table = _one(_write(tmp_path, "a.csv", f'a,t\nx,"{values}"\n'))
    assert instants_us(table.columns["t"]).tolist() == [expected]


def test_numbers_of_seconds_are_instants(tmp_path: Path) -> None:
    """Numeric columns of JSONL and Parquet; missing and infinite are none."""
    lines = '{"t": 1704067200}\n{"t": 1.5}\n{"t": null}\n{"t": 1e300}\n'
    table = _one(_write(tmp_path, "a.jsonl", lines))
    assert instants_us(table.columns["t"]).tolist() == [1_704_067_200_000_000, 1_500_000, -1, -1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "a.csv: is empty: its first line must name the columns"),
        ("a.csv", "\n\n", "a.csv: is empty"),
        ("a.csv", "a;b\n1;2\n", "has one column, 'a;b': separate columns by commas"),
        ("a.csv", "a,b,a\n", "column 'a' stands twice"),
        ("a.csv", b"a,b\n1,\xff\n", "is not UTF-8"),
        ("a.csv", 'a,b\n1,"2\n', "line 3: is not CSV: unexpected end of data"),
        ("a.csv", 'a\n"' + "x" * 17_000_000 + '"\n', "field larger than field limit"),
        ("a.jsonl", "", "a.jsonl: holds no JSON object"),
        ("a.jsonl", "1\n2\n", "a.jsonl: holds no JSON object"),
        ("a.parquet", b"", "is no readable Parquet file"),
        ("a.parquet", b"PAR1 nonsense PAR1", "is no readable Parquet file"),
        ("a.xlsx", b"", "a.xlsx: is none of .csv, .jsonl"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    """The message names file, place and remedy."""
    assert message in _error(_write(tmp_path, name, content))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    """Not found is not unreadable."""
    assert _error(tmp_path / "none.csv").endswith(
        "none.csv: cannot be read: No such file or directory"
    )


def test_a_null_byte_is_a_character_of_a_cell(tmp_path: Path) -> None:
    """It is odd, but it damages nothing around it."""
    table = _one(_write(tmp_path, "a.csv", b"a,b\nx\x00y,2\n"))
    assert texts(table.columns["b"]) == ["2"]


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base install reads CSV and JSONL; the message says what to install."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ModuleNotFoundError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'evenhand[parquet]'" in _error(_write(tmp_path, "a.parquet", b"PAR1"))

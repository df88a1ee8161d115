from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collectors.modalities import media
from collectors.modalities.image import ImageDecoder
from collectors.modalities.media import read_file, read_media
from governance.errors import MediaError
from tests.collectors.modalities.sounds import picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.png").write_bytes(picture(np.full((8, 8), 255, np.uint8)))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "deep").mkdir()
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_rows_and_their_files(folder: Path) -> None:
    """Decoded, refused and absent ones side by side; the refused are named with a reason."""
    names = ["good.png", "bad.png", None, str(folder / "good.png")]
    rows = read_media(names, folder, ImageDecoder())
    assert rows.columns["undecodable"].tolist()[:2] == [0.0, 1.0]
    assert np.isnan(rows.columns["undecodable"]).tolist() == [False, False, True, False]
    assert np.isnan(rows.columns["width"]).tolist() == [False, True, True, False]
    assert np.isnan(rows.vectors).all(axis=1).tolist() == [False, True, True, False]
    assert [(name, error.reason) for name, error in rows.refused] == [("bad.png", "format")]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere.png", "missing"),
        ("good.png/inside", "missing"),
        ("deep", "no_file"),
        ("pipe", "no_file"),
        ("empty.png", "empty"),
        ("a\0b", "unreadable"),
        ("x" * 5_000, "unreadable"),
    ],
)
def test_what_is_no_readable_file(folder: Path, name: str, reason: str) -> None:
    """Folders, pipes, impossible names: each has its reason, and nothing waits."""
    with pytest.raises(MediaError) as caught:
        read_file(folder, name)
    assert caught.value.reason == reason


def test_large_files_are_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is looked at before a byte is read, and is in the message."""
    monkeypatch.setattr(media, "MAX_FILE_BYTES", 20)
    with pytest.raises(MediaError, match="bytes; at most 20") as caught:
        read_file(folder, "good.png")
    assert caught.value.reason == "too_large"

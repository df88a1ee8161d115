"""``evenhand collect --upstream``: what its command line refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from governance.service.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("upstream", "words"),
    [
        ("127.0.0.1", "is not HOST:PORT"),
        ("127.0.0.1:0", "is not HOST:PORT"),
        ("127.0.0.1:19080", "is this sidecar's own address"),
    ],
)
def test_an_upstream_that_cannot_be_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], upstream: str, words: str
) -> None:
    """Exit code 2, the value is quoted; a sidecar in front of itself would never answer."""
    assert main(["collect", "--upstream", upstream, "--state-dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert upstream in error
    assert words in error

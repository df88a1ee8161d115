from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from governance.service.cli.main import main
from governance.store.engine import open_engine
from governance.store.schema import check_schema

if TYPE_CHECKING:
    from pathlib import Path


def test_migrate_makes_the_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a new database it says from none to the newest schema, and the schema is there."""
    url = f"sqlite:///{tmp_path / 'e.db'}"
    assert main(["migrate", "--database", url]) == 0
    assert re.fullmatch(rf"{re.escape(url)}: schema none -> \d{{4}}\n", capsys.readouterr().out)
    engine = open_engine(url)
    check_schema(engine)
    engine.dispose()


def test_migrate_again_has_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run finds the schema there, and says so to scripts too."""
    url = f"sqlite:///{tmp_path / 'e.db'}"
    main(["migrate", "--database", url])
    capsys.readouterr()
    assert main(["migrate", "--database", url, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"database": url, "before": said["after"], "after": said["after"]}


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("mysql://u:secret@h/d", 2, "the database URL starts with mysql://"),
        ("postgresql://u:secret@127.0.0.1:1/d", 3, "u:***@127.0.0.1:1/d is away, busy or full"),
    ],
)
def test_migrate_says_what_is_wrong(
    url: str, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong URL is 2, a database that is away 3, and no message shows the password."""
    assert main(["migrate", "--database", url]) == code
    said = capsys.readouterr().err
    assert words in said
    assert "secret" not in said

"""The program: lazy, quiet, and with exit codes that mean something."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from governance.errors import (
    BusError,
    ConfigError,
    InvalidComponent,
    Problem,
    StoreError,
    WireError,
)
from governance.service.cli import main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


ROOT = Path(__file__).parents[4]


def _evenhand(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "importtime", "-m", "governance.service.cli.main"]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def _command(monkeypatch: pytest.MonkeyPatch, run: Callable[[argparse.Namespace], int]) -> None:
    module = types.ModuleType("governance.service.cli.validate", "A command.")
    module.__dict__.update(add_arguments=lambda _: None, run=run)
    monkeypatch.setitem(sys.modules, "governance.service.cli.validate", module)


def test_help_imports_nothing_of_ours_and_nothing_heavy() -> None:
    """``--help`` is there at once: argparse, and no package that a command needs."""
    started = time.monotonic()
    result = _evenhand("--help")
    print(f"evenhand --help: {time.monotonic() - started:.2f} s with import timing")  # noqa: T201 - a figure
    assert result.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    ours = {name for name in imported if name.startswith(("governance.", "collectors."))}
    assert ours == {"governance.service", "governance.service.cli"}
    heavy = {"numpy", "pydantic", "yaml", "msgspec", "sqlalchemy", "fastapi", "kafka", "pyarrow"}
    assert not imported & heavy


def test_every_command_is_in_the_help_and_has_its_module() -> None:
    """What help names can be run."""
    text = _evenhand("--help").stdout
    for name in main.COMMANDS:
        assert f"\n  {name} " in text
        assert importlib.util.find_spec(f"governance.service.cli.{name}") is not None


def test_the_version_is_that_of_the_package() -> None:
    """``--version`` prints one line."""
    assert _evenhand("--version").stdout.startswith("evenhand 0.")


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the commands that there are."""
    with pytest.raises(SystemExit) as caught:
        main.main(["reply"])
    assert caught.value.code == 2
    assert "'reply' is no command; commands: demo, run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("no key"), 2),
        (InvalidComponent([Problem("a.yaml", 3, "spec", "is wrong")]), 2),
        (BusError("the bus is away"), 3),
        (StoreError("the database is away"), 3),
        (WireError("malformed", "not msgpack"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_what_goes_wrong_on_purpose_is_one_message_and_a_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
) -> None:
    """No traceback; configuration 2, outside systems 3, input 1, Ctrl-C 130."""

    def fail(_: argparse.Namespace) -> int:
        raise error

    _command(monkeypatch, fail)
    assert main.main(["validate"]) == code
    text = capsys.readouterr().err
    assert "Traceback" not in text
    assert str(error) in text


def test_a_closed_pipe_is_quiet() -> None:
    """``evenhand ... | head`` ends without a word."""
    command = f"{sys.executable} -m governance.service.cli.main validate examples --json | true"
    result = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.stderr == ""

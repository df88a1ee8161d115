"""Where ``spec.baseline.uri`` leads: a path or ``file:`` URL, relative to the component's file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from governance.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from governance.component.schema import Component


def baseline_path(component: Component, base: Path) -> Path | None:
    """The file that ``spec.baseline.uri`` names, with the declared hash; None if it names none.

    ``base`` is the component's file, or its folder.

    Raises
    ------
    ConfigError
        If the file is not there although a hash is declared, or has another one.
    """
    baseline = component.spec.baseline
    if baseline.uri is None:
        return None
    path = local_path(baseline.uri, base)
    if baseline.sha256 is not None:
        verify(path, baseline.sha256)
    return path


def local_path(uri: str, base: Path) -> Path:
    """The file of a URI; raises ConfigError if it is not on this machine."""
    parts = urlsplit(uri)
    if parts.scheme in {"", "file"} and not parts.netloc:
        return (base if base.is_dir() else base.parent) / unquote(parts.path)
    raise ConfigError(
        f"spec.baseline.uri: {uri!r} is not a path or a file: URL, the only places that this "
        "build reads: mount the file"
    )


def verify(path: Path, expected: str) -> None:
    """Raise ConfigError if the file has another SHA-256."""
    found = file_sha256(path)
    if found != expected:
        raise ConfigError(
            f"{path}: has SHA-256 {found}, but spec.baseline.sha256 is {expected}: the file was "
            "changed, or the component means another one"
        )


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, 64 hex digits; raises ConfigError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None

"""Flags that several commands share, and the settings that they make with file and environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from governance.component.load import LoadedComponent, load_components
from governance.config import Settings, load_settings
from governance.errors import ConfigError

if TYPE_CHECKING:
    import argparse

_FLAGS = {
    "--bus": ("bus.url", "URL", "file:DIR or kafka://HOST:PORT,..."),
    "--database": ("database.url", "URL", "sqlite:///FILE or postgresql+psycopg://..."),
}


def add_settings_flags(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add ``--config`` and those of ``bus``, ``database``, ``components`` that a command needs."""
    group = parser.add_argument_group("settings", "default < --config < EVENHAND_* < flags")
    group.add_argument("--config", type=Path, metavar="FILE", help="settings, YAML")
    for flag, (_, metavar, words) in _FLAGS.items():
        if flag.lstrip("-") in names:
            group.add_argument(flag, metavar=metavar, help=words)
    if "components" in names:
        group.add_argument(
            "--components",
            type=Path,
            metavar="PATH",
            action="append",
            help="component file, or folder of them; may be repeated",
        )


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings of a process; raises InvalidComponent with every problem."""
    flags = {setting: getattr(options, flag[2:], None) for flag, (setting, *_) in _FLAGS.items()}
    flags["components"] = getattr(options, "components", None)
    return load_settings(options.config, os.environ, flags)


def components_of(settings: Settings) -> list[LoadedComponent]:
    """The components that the settings name.

    Raises
    ------
    ConfigError
        If they name none, or one of the files is wrong.
    """
    if not settings.components:
        raise ConfigError(
            "no components: name a file or folder by --components, EVENHAND_COMPONENTS or the "
            "key components of the settings file"
        )
    return load_components(settings.components)


def add_component_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--component YAML``, for commands about exactly one component."""
    parser.add_argument(
        "--component", type=Path, metavar="YAML", required=True, help="component file"
    )


def add_traffic_flags(parser: argparse.ArgumentParser) -> None:
    """Add what recorded traffic is judged by: component, reference, labels."""
    add_component_flag(parser)
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="rows or a profile, in place of spec.baseline.uri",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="id and label, with a column time where labels have one",
    )


def one_component(path: Path) -> LoadedComponent:
    """The only component of a file.

    Raises
    ------
    ConfigError
        If the file is wrong, or holds none or several.
    """
    loaded = load_components([path])
    if len(loaded) != 1:
        raise ConfigError(f"{path}: holds {len(loaded)} components, --component takes exactly one")
    return loaded[0]

"""Settings: file < environment < flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.config import load_settings
from governance.errors import ConfigError, InvalidComponent


def _file(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_nothing_given_is_the_defaults() -> None:
    """A process starts without any file."""
    assert load_settings().database.url == "sqlite:///evenhand.db"


def test_each_source_wins_over_the_one_before(tmp_path: Path) -> None:
    """File over default, environment over file, flag over environment."""
    file = _file(tmp_path, "bus: {url: file:a, partitions: 3}\ndatabase: {url: 'sqlite:///f'}\n")
    environment = {"EVENHAND_BUS_URL": "file:b", "EVENHAND_DATABASE_URL": "sqlite:///e"}
    settings = load_settings(file, environment, {"bus.url": "file:c", "database.url": None})
    assert (settings.bus.url, settings.bus.partitions) == ("file:c", 3)
    assert settings.database.url == "sqlite:///e"


def test_names_in_the_environment_are_those_of_the_file() -> None:
    """Camel case becomes underscores; lists are separated by commas; empty is not given."""
    settings = load_settings(
        None,
        {
            "EVENHAND_ALERTING_OF_WINDOWS": "5",
            "EVENHAND_ALERTING_ALERTMANAGER_URLS": "http://a:9093, http://b:9093",
            "EVENHAND_PRIVACY_KEY_DIRECTORY": "/keys",
            "EVENHAND_COMPONENTS": "a.yaml,b",
            "EVENHAND_DATABASE_URL": "",
            "EVENHAND_SERVICE_HOST": "10.0.0.1",
        },
    )
    assert settings.alerting.of_windows == 5
    assert settings.alerting.alertmanager.urls == ("http://a:9093", "http://b:9093")
    assert settings.privacy.key_directory == Path("/keys")
    assert settings.components == (Path("a.yaml"), Path("b"))
    assert settings.database.url == "sqlite:///evenhand.db"


def test_a_key_that_is_wrong_is_located(tmp_path: Path) -> None:
    """File, line, nearest key."""
    file = _file(tmp_path, "bus:\n  url: file:a\n  partitons: 3\n")
    with pytest.raises(InvalidComponent) as caught:
        load_settings(file)
    assert str(caught.value) == (
        f"{file}:3: bus.partitons: unknown key (did you mean 'partitions'?); "
        "allowed: url, client, partitions"
    )


def test_a_variable_that_is_wrong_is_named() -> None:
    """The message says which variable, not which line of a file."""
    with pytest.raises(InvalidComponent, match=r"^EVENHAND_BUS_PARTITIONS: found 'many'"):
        load_settings(None, {"EVENHAND_BUS_PARTITIONS": "many"})


def test_a_flag_that_is_wrong_is_named() -> None:
    """The message says that it came from the command line."""
    with pytest.raises(InvalidComponent, match=r"^command line, bus.partitions: found 0"):
        load_settings(None, None, {"bus.partitions": 0})


def test_every_problem_comes_at_once(tmp_path: Path) -> None:
    """File and environment are wrong: both are said."""
    with pytest.raises(InvalidComponent) as caught:
        load_settings(_file(tmp_path, "bsu: {}\n"), {"EVENHAND_BUS_PARTITIONS": "0"})
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n---\nb: 2\n", "a settings file holds one document, this one 2"),
        ("kind: MultimodalAIComponent\n", "is not a settings file"),
        ("- a\n", "is not a settings file"),
        ("a: [\n", "is not valid YAML"),
    ],
)
def test_a_file_that_holds_no_settings_says_so(tmp_path: Path, text: str, message: str) -> None:
    """Another file under --config is a clear mistake."""
    with pytest.raises(ConfigError, match=message):
        load_settings(_file(tmp_path, text))


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    """A file of remarks changes nothing."""
    assert load_settings(_file(tmp_path, "# nothing yet\n")) == load_settings()


def test_settings_that_are_written_are_read_back(tmp_path: Path) -> None:
    """Durations too: what one program writes for another is what it has."""
    settings = load_settings(None, {"EVENHAND_ALERTING_DELIVERY_FIRST_WAIT": "1m30s"})
    path = tmp_path / "settings.yaml"
    path.write_text(settings.model_dump_json(by_alias=True, exclude_none=True))
    assert load_settings(path) == settings
    assert settings.alerting.delivery.first_wait == 90_000_000

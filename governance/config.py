"""Settings: defaults < file (``--config``, YAML) < ``EVENHAND_*`` environment < flags.

Every setting that is not a table has its variable: ``database.url`` is ``EVENHAND_DATABASE_URL``,
``alerting.ofWindows`` is ``EVENHAND_ALERTING_OF_WINDOWS``; lists are separated by commas. Secrets
are never written here: a field that ends in ``_file`` names the file that holds one.
"""

from __future__ import annotations

import typing
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from governance.clock import format_duration
from governance.component.document import Document, dotted, read_documents
from governance.component.fields import PositiveDurationUs
from governance.component.located import read_model
from governance.errors import ConfigError, InvalidComponent, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENVIRONMENT_PREFIX = "EVENHAND"

_Path = tuple[str, ...]  # keys from the top, as written in the file
# Microseconds here, and a duration again where settings are written to a file.
_Duration = Annotated[PositiveDurationUs, PlainSerializer(format_duration, when_used="json")]


class _Block(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class BusSettings(_Block):
    """Where events travel."""

    url: str = "file:evenhand-bus"
    client: Literal["auto", "kafka-python", "confluent"] = "auto"  # auto: confluent if installed
    partitions: int = Field(default=48, ge=1)

    @property
    def sidecar_client(self) -> Literal["kafka-python", "confluent"]:
        """Beside a model memory counts, not speed: there ``auto`` is the smaller one."""
        return "confluent" if self.client == "confluent" else "kafka-python"


class DatabaseSettings(_Block):
    """Where state lives."""

    url: str = "sqlite:///evenhand.db"


class PrivacySettings(_Block):
    """Where the namespaces' keys are: one file per namespace, 32 random bytes as hex."""

    key_directory: Path | None = None


class WebhookSettings(_Block):
    """One receiver. ``secret_file`` holds one or more ``whsec_`` secrets, newest first.

    ``namespaces`` says whose components may use it; ``ca_file`` (PEM) names who signs its
    certificate, where no public authority does.
    """

    url: str
    secret_file: Path
    ca_file: Path | None = None
    namespaces: tuple[str, ...] = ("*",)


class RegistrySettings(_Block):
    """One model registry (MLflow), as ``spec.model.repository`` names it."""

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None
    namespaces: tuple[str, ...] = ("*",)


class DeliverySettings(_Block):
    """How deliveries are tried: the wait doubles from the first to the longest, with jitter."""

    first_wait: _Duration = 5_000_000
    longest_wait: _Duration = 3_600_000_000
    give_up_after: _Duration = 3 * 86_400_000_000  # a weekend, then somebody has to look
    attempt: _Duration = 10_000_000  # a whole attempt, from the connection to the answer
    at_once: int = Field(default=8, ge=1, le=64)


class ActionSettings(_Block):
    """What holds for the actions of every component."""

    per_day: int = Field(default=10, ge=0)  # automatic ones of one component in any 24 hours
    dry_run: bool = False  # retrainings and rollbacks are only rehearsed


class AuditSettings(_Block):
    """Signed checkpoints of the audit chains: an ed25519 key (PEM), and where they are appended."""

    signing_key_file: Path | None = None
    checkpoint_file: Path | None = None
    checkpoint_every: _Duration = 3_600_000_000


class AlertmanagerSettings(_Block):
    """Every replica of Alertmanager; alerts are posted to each."""

    urls: tuple[str, ...] = ()
    post_every_seconds: float = Field(default=60.0, gt=0)  # endsAt is four times as far ahead


class AlertingSettings(_Block):
    """Receivers, and the road that component alerts take to people."""

    road: Literal["auto", "prometheus", "alertmanager", "none"] = "auto"
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    webhooks: dict[str, WebhookSettings] = Field(default_factory=dict)
    allowed_hosts: tuple[str, ...] = ()  # empty = the hosts of the webhooks above
    delivery: DeliverySettings = DeliverySettings()
    actions: ActionSettings = ActionSettings()
    breaches: int = Field(default=2, ge=1)  # fire when so many ...
    of_windows: int = Field(default=3, ge=1)  # ... of the newest so many judged windows breach
    keep_firing: int | None = Field(default=None, ge=1, le=24)  # calm windows; None = breaches
    resolve_at: float = Field(default=0.9, gt=0, le=1)  # calm is below this share of the limit
    external_url: str = "http://127.0.0.1:8600"  # for links in notices
    runbook_url: str = ""  # empty = the runbooks that external_url serves


class LogSettings(_Block):
    """How servers log to stderr; ``json`` logs every request of the API as well."""

    format: Literal["text", "json"] = "text"


class HttpSettings(_Block):
    """Addresses that servers bind to, HOST:PORT; port 0 = any free one."""

    api: str = "127.0.0.1:8600"
    door: str = "127.0.0.1:8601"
    metrics: str = "127.0.0.1:8602"
    tokens_file: Path | None = None
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1)


class Settings(_Block):
    """All settings of a process."""

    bus: BusSettings = BusSettings()
    database: DatabaseSettings = DatabaseSettings()
    components: tuple[Path, ...] = ()
    privacy: PrivacySettings = PrivacySettings()
    alerting: AlertingSettings = AlertingSettings()
    registries: dict[str, RegistrySettings] = Field(default_factory=dict)
    audit: AuditSettings = AuditSettings()
    http: HttpSettings = HttpSettings()
    logs: LogSettings = LogSettings()


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings of a process.

    Parameters
    ----------
    file
        The settings file; None = defaults.
    environment
        Variables, usually ``os.environ``. Names that are no setting are left alone (Kubernetes
        puts service addresses of the same prefix there), and so are empty values.
    flags
        Values of the command line by dotted name, for example ``{"database.url": "..."}``; None
        where a flag was not given.

    Raises
    ------
    InvalidComponent
        With every problem: file and line, variable, or flag.
    """
    document = _read_file(file)
    values, origins = document.value, dict[str, str]()
    for path, listing in _leaves(Settings):
        name = "_".join((ENVIRONMENT_PREFIX, *map(_snake, path))).upper()
        text = (environment or {}).get(name)
        if text:
            _put(values, path, _items(text) if listing else text)
            origins[dotted(path)] = name
    for name, value in (flags or {}).items():
        if value is not None:
            _put(values, tuple(name.split(".")), value)
            origins[name] = f"command line, {name}"
    settings, problems = read_model(Settings, document)
    if settings is None:
        raise InvalidComponent([_with_origin(problem, origins) for problem in problems])
    return settings


def _read_file(file: Path | None) -> Document:
    if file is None:
        return Document("settings", {})
    documents, problems = read_documents(file)
    if problems:
        raise InvalidComponent(problems)
    if len(documents) > 1:
        raise ConfigError(f"{file}: a settings file holds one document, this one {len(documents)}")
    if not documents:
        return Document(str(file), {})
    if not isinstance(documents[0].value, dict) or "kind" in documents[0].value:
        raise ConfigError(f"{file}: is not a settings file; components are named by --components")
    return documents[0]


def _leaves(model: type[BaseModel], path: _Path = ()) -> Iterator[tuple[_Path, bool]]:
    """Every setting that one text can hold, and whether it is a list."""
    for name, field in model.model_fields.items():
        place = (*path, field.alias or name)
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _leaves(annotation, place)
        elif typing.get_origin(annotation) is not dict:
            yield place, typing.get_origin(annotation) is tuple


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _snake(key: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in key)


def _put(values: dict[str, Any], path: _Path, value: object) -> None:
    for key in path[:-1]:
        inner = values.get(key)
        if not isinstance(inner, dict):
            inner = values[key] = {}
        values = inner
    values[path[-1]] = value


def _with_origin(problem: Problem, origins: Mapping[str, str]) -> Problem:
    setting = problem.path.partition("[")[0]
    if setting not in origins:
        return problem
    return Problem(origins[setting], None, "", problem.message)

"""Settings: defaults < file (``--config``, YAML) < ``EVENHAND_*`` environment < flags.

Secrets are never written here: a field that ends in ``_file`` names the file that holds one.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class _Block(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class BusSettings(_Block):
    """Where events travel."""

    url: str = "file:evenhand-bus"
    client: Literal["auto", "kafka-python"] = "auto"
    partitions: int = Field(default=48, ge=1)


class DatabaseSettings(_Block):
    """Where state lives."""

    url: str = "sqlite:///evenhand.db"


class PrivacySettings(_Block):
    """Where the namespaces' keys are: one file per namespace, 32 random bytes as hex."""

    key_directory: Path | None = None


class WebhookSettings(_Block):
    """One receiver. ``secret_file`` holds one or more ``whsec_`` secrets, newest first."""

    url: str
    secret_file: Path


class AlertmanagerSettings(_Block):
    """Every replica of Alertmanager; alerts are posted to each."""

    urls: tuple[str, ...] = ()


class AlertingSettings(_Block):
    """Receivers, and the road that component alerts take to people."""

    road: Literal["auto", "prometheus", "alertmanager", "none"] = "auto"
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    webhooks: dict[str, WebhookSettings] = Field(default_factory=dict)
    allowed_hosts: tuple[str, ...] = ()  # empty = the hosts of the webhooks above
    breaches: int = Field(default=2, ge=1)  # fire when so many ...
    of_windows: int = Field(default=3, ge=1)  # ... of the newest so many judged windows breach
    external_url: str = "http://127.0.0.1:8600"  # for links in notices


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
    http: HttpSettings = HttpSettings()

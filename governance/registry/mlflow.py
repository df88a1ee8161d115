"""MLflow's model registry over its REST API, as far as a rollback needs it.

Three calls of https://mlflow.org/docs/latest/rest-api.html carry it, so MLflow's client, with all
that it brings along, is not needed. Versions are named by aliases and tags, not by stages.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from governance.errors import ConfigError, PermanentError, TransientError
from governance.outgoing import Call

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from governance.outgoing import Outgoing

VERSION_TAG = "evenhand.version"  # says which version a component calls this one
_ROOT = "/api/2.0/mlflow"


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One version of a registered model; ``number`` is MLflow's own."""

    number: str
    tags: Mapping[str, str] = field(default_factory=dict)

    def is_called(self, version: str) -> bool:
        """Whether a component means this one: by its tag, else by the number, also as ``v3``."""
        said = self.tags.get(VERSION_TAG)
        return version == said if said is not None else version in (self.number, f"v{self.number}")


class MlflowRegistry:
    """One registry.

    Every call raises Unanswered or TransientError where it is away or ill, and PermanentError
    where it refuses.

    Parameters
    ----------
    url
        Of the tracking server.
    outgoing
        Makes the calls, each with one deadline.
    token_file
        Holds a bearer token; read at each call, so that a rotation needs no restart.
    ca_file
        Names who signs the server's certificate.
    """

    def __init__(
        self,
        url: str,
        outgoing: Outgoing,
        *,
        token_file: Path | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._outgoing = outgoing
        self._token_file = token_file
        self._ca_file = ca_file

    def named(self, model: str, alias: str) -> RegisteredVersion | None:
        """The version that an alias names, or None where there is no such alias."""
        asked = urlencode({"name": model, "alias": alias})
        try:
            found = self._ask("GET", f"/registered-models/alias?{asked}")
        except PermanentError as error:
            if error.reason == "no_alias":
                return None
            raise
        try:
            version = found["model_version"]
            tags = {tag["key"]: tag["value"] for tag in version.get("tags", ())}
            return RegisteredVersion(str(version["version"]), tags)
        except (KeyError, TypeError, AttributeError):
            raise TransientError("protocol: the registry's answer names no version") from None

    def move(self, model: str, alias: str, number: str) -> None:
        """Let an alias name another version."""
        self._ask(
            "POST", "/registered-models/alias", {"name": model, "alias": alias, "version": number}
        )

    def tag(self, model: str, number: str, key: str, value: str) -> None:
        """Write a tag on a version, in place of the one with this key."""
        body = {"name": model, "version": number, "key": key, "value": value}
        self._ask("POST", "/model-versions/set-tag", body)

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        headers = {"content-type": "application/json", "user-agent": "evenhand", **self._bearer()}
        content = b"" if body is None else json.dumps(body).encode()
        call = Call(method, self._url + _ROOT + path, headers, content, self._ca_file)
        answer = self._outgoing.call(call)
        if answer.status == 200:
            return _read(answer.body)
        code, words = _refusal(answer.body)
        if answer.status >= 500 or answer.status in (401, 403, 408, 429):
            raise TransientError(f"status: answered {answer.status} {code}")
        missing = "alias" in words.lower() and "not found" in words.lower()
        raise PermanentError("no_alias" if missing else "registry", f"{code}: {words}")

    def _bearer(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"token file {self._token_file} cannot be read: {error}") from None
        return {"authorization": f"Bearer {token}"}


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise TransientError("protocol: the registry's answer is no JSON") from None


def _refusal(body: bytes) -> tuple[str, str]:
    """MLflow's error code and its words."""
    try:
        said = json.loads(body)
        return str(said["error_code"]), str(said["message"])[:300]
    except (ValueError, TypeError, KeyError):
        return "", body[:300].decode("utf-8", "replace")

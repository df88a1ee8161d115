"""The few requests to the Kubernetes API that the operator makes, as the account of its pod."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import yaml

from governance.errors import ConfigError, EvenhandError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

Manifest = dict[str, Any]

FIELD_MANAGER: Final = "evenhand"

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT_SECONDS = 10.0


class ClusterError(TransientError):
    """The API server is away, or refuses; ``status`` is 0 where it did not answer."""

    def __init__(self, status: int, words: str) -> None:
        self.status = status
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the API server is, by what it is known, and who asks."""

    server: str
    authority: Path
    token_file: Path | None = None  # read for every request: the kubelet renews it
    token: str | None = None

    def bearer(self) -> str:
        """The token as it is now."""
        if self.token_file is not None:
            return self.token_file.read_text().strip()
        return self.token or ""


def in_cluster(
    environment: Mapping[str, str] = os.environ, account: Path = _ACCOUNT
) -> Credentials:
    """Those of the pod's service account; raises ConfigError outside of a cluster."""
    host, port = (
        environment.get("KUBERNETES_SERVICE_HOST"),
        environment.get("KUBERNETES_SERVICE_PORT"),
    )
    if not host or not port or not (account / "token").exists():
        raise ConfigError(
            "this is no pod with a service account: name a kubeconfig by --kubeconfig FILE"
        )
    address = f"[{host}]" if ":" in host else host
    return Credentials(f"https://{address}:{port}", account / "ca.crt", account / "token")


def from_kubeconfig(file: Path) -> Credentials:
    """Those of a kubeconfig's current context; only tokens are read.

    Raises
    ------
    ConfigError
        If the file is none, or its user has no token.
    """
    try:
        document = yaml.safe_load(file.read_text())
        context = _entry(document, "contexts", document["current-context"])["context"]
        cluster = _entry(document, "clusters", context["cluster"])["cluster"]
        user = _entry(document, "users", context["user"])["user"]
        server = str(cluster["server"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigError(f"{file}: cannot be read as a kubeconfig: {error!r}") from None
    if "token" not in user and "tokenFile" not in user:
        raise ConfigError(f"{file}: its user has no token; other ways to log in are not read")
    token_file = Path(user["tokenFile"]) if "tokenFile" in user else None
    return Credentials(server, _authority(file, cluster), token_file, user.get("token"))


def _entry(document: Manifest, kind: str, name: str) -> Manifest:
    return next(dict(item) for item in document[kind] if item["name"] == name)


def _authority(file: Path, cluster: Manifest) -> Path:
    if "certificate-authority" in cluster:
        return file.parent / str(cluster["certificate-authority"])
    data = cluster.get("certificate-authority-data")
    if data is None:
        raise ConfigError(f"{file}: its cluster names no certificate-authority")
    with tempfile.NamedTemporaryFile(prefix="evenhand-ca-", suffix=".crt", delete=False) as made:
        made.write(base64.b64decode(data))
    return Path(made.name)


class Cluster:
    """Asynchronous requests; every one raises ClusterError where it is not done."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._client = httpx.AsyncClient(
            base_url=credentials.server,
            verify=ssl.create_default_context(cafile=str(credentials.authority)),
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
        )

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def version(self) -> tuple[int, int]:
        """Of Kubernetes, as (1, 33)."""
        answer = await self._ask("GET", "/version")
        digits = "".join(c for c in str(answer["minor"]) if c.isdigit())
        return int(answer["major"]), int(digits)

    async def get(self, path: str) -> Manifest | None:
        """One object; None if it is not there."""
        try:
            return await self._ask("GET", path)
        except ClusterError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise

    async def list(self, path: str, **query: str) -> list[Manifest]:
        """All objects of a list, page by page."""
        found: list[Manifest] = []
        more: dict[str, str] = {"limit": "500", **query}
        while True:
            answer = await self._ask("GET", path, params=more)
            found += answer["items"]
            following = answer["metadata"].get("continue")
            if not following:
                return found
            more["continue"] = following

    async def create(self, path: str, body: Manifest) -> bool:
        """Create an object; False if one of its name is there already."""
        try:
            await self._ask("POST", path, body=body)
        except ClusterError as error:
            if error.status == httpx.codes.CONFLICT:
                return False
            raise
        return True

    async def replace(self, path: str, body: Manifest) -> bool:
        """Replace an object as it was read; False if it has changed since."""
        try:
            await self._ask("PUT", path, body=body)
        except ClusterError as error:
            if error.status in {httpx.codes.CONFLICT, httpx.codes.NOT_FOUND}:
                return False
            raise
        return True

    async def apply(self, path: str, body: Manifest) -> None:
        """Server-side apply: what is given is ours, what is not stays as it is."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        await self._ask("PATCH", path, body=body, params=query, kind="apply-patch+yaml")

    async def merge(self, path: str, body: Manifest) -> None:
        """JSON merge patch."""
        query = {"fieldManager": FIELD_MANAGER}
        await self._ask("PATCH", path, body=body, params=query, kind="merge-patch+json")

    async def delete(self, path: str) -> None:
        """Delete an object if it is there."""
        try:
            await self._ask("DELETE", path)
        except ClusterError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Manifest | None = None,
        params: dict[str, str] | None = None,
        kind: str = "json",
    ) -> Manifest:
        headers = {"authorization": f"Bearer {self._credentials.bearer()}"}
        if body is not None:
            headers["content-type"] = f"application/{kind}"
        try:
            answer = await self._client.request(
                method,
                path,
                params=params,
                headers=headers,
                content=None if body is None else _json(body),
            )
        except (httpx.HTTPError, OSError) as error:
            raise ClusterError(0, f"the Kubernetes API is away: {error!r}") from None
        if answer.is_error:
            raise ClusterError(answer.status_code, f"{method} {path}: {_words(answer)}")
        return dict(answer.json())


def _json(body: Manifest) -> bytes:
    return httpx.Request("POST", "http://x", json=body).content


def _words(answer: httpx.Response) -> str:
    try:
        return f"{answer.status_code} {answer.json()['message']}"
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)


__all__ = [
    "FIELD_MANAGER",
    "Cluster",
    "ClusterError",
    "Credentials",
    "EvenhandError",
    "from_kubeconfig",
    "in_cluster",
]

"""Who may do what: bearer tokens, roles and namespaces.

The tokens file (YAML) holds hashes only:

    tokens:
      - {name: ci, sha256: 64 hex digits, roles: [ingest], namespaces: [shop]}

``sha256`` is that of the token's UTF-8 bytes (``printf %s TOKEN | sha256sum``); tokens should be
random, 32 bytes or more. ``namespaces: ["*"]`` means all. ``admin`` includes every other role.
``rowsPerSecond`` bounds what a token may bring to the door, on average over ten seconds.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import yaml
from fastapi import Request  # noqa: TC002 - FastAPI reads the annotations
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.clock import SystemClock
from governance.errors import ConfigError
from governance.service.limits import FailedAttempts, RowRates
from governance.service.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from governance.clock import Clock


class Role(StrEnum):
    """What a token may be used for."""

    READ = "read"
    INGEST = "ingest"
    APPROVE = "approve"
    ADMIN = "admin"


class _Token(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    roles: tuple[Role, ...] = Field(min_length=1)
    namespaces: tuple[str, ...] = ("*",)
    rows_per_second: float | None = Field(default=None, gt=0, alias="rowsPerSecond")


class _TokensFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    tokens: tuple[_Token, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the token's name, for audit, and what it may do."""

    name: str
    roles: frozenset[Role]
    namespaces: frozenset[str]
    rows_per_second: float | None = None

    def may(self, role: Role, namespace: str | None) -> bool:
        """Whether the role is held for a namespace (None: for at least one)."""
        if role not in self.roles and Role.ADMIN not in self.roles:
            return False
        return namespace is None or "*" in self.namespaces or namespace in self.namespaces

    def must(self, role: Role, namespace: str | None) -> None:
        """Raise ProblemError (403) unless the role is held."""
        if not self.may(role, namespace):
            place = f" in namespace {namespace!r}" if namespace else ""
            raise ProblemError(
                HTTPStatus.FORBIDDEN, f"token {self.name!r} lacks the role {role.value!r}{place}"
            )

    @property
    def visible(self) -> tuple[str, ...] | None:
        """The namespaces whose things may be shown in lists; None: all."""
        return None if "*" in self.namespaces else tuple(sorted(self.namespaces))

    def sees(self, namespace: str) -> bool:
        """Whether things of a namespace may be shown in lists."""
        return "*" in self.namespaces or namespace in self.namespaces


LOCAL = Principal("local", frozenset(Role), frozenset({"*"}))  # loopback without a tokens file


class Authority:
    """Knows the tokens; ``open`` authorities (no file, loopback only) let everyone in."""

    def __init__(self, tokens: dict[str, Principal] | None, clock: Clock | None = None) -> None:
        self._tokens = tokens
        self._failed = FailedAttempts(clock or SystemClock())
        self.rates = RowRates(clock or SystemClock())

    @classmethod
    def load(cls, path: Path | None, bound_host: str, *, clock: Clock | None = None) -> Authority:
        """Read the tokens file.

        Raises
        ------
        ConfigError
            If the file is unusable, or there is none and the server is not bound to loopback.
        """
        if path is None:
            if not is_loopback(bound_host):
                raise ConfigError(
                    f"refusing to listen on {bound_host} without tokens: set http.tokensFile, "
                    "or bind to 127.0.0.1"
                )
            return cls(None, clock)
        try:
            read = yaml.safe_load(path.read_text(encoding="utf-8"))
            if not isinstance(read, dict):
                raise ConfigError(f"tokens file {path}: write 'tokens:' and a list of tokens")
            parsed = _TokensFile.model_validate(read)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"tokens file {path} cannot be read: {error}") from None
        except ValidationError as error:
            raise ConfigError(f"tokens file {path}: {_first(error)}") from None
        return cls(
            {
                token.sha256: Principal(
                    token.name,
                    frozenset(token.roles),
                    frozenset(token.namespaces),
                    token.rows_per_second,
                )
                for token in parsed.tokens
            },
            clock,
        )

    def identify(self, authorization: str | None, address: str = "") -> Principal:
        """Find out who asks, in time that does not depend on the token.

        ``address`` is the client's: one that failed too often has to wait
        (``governance.service.limits``).

        Raises
        ------
        ProblemError
            401, if there is no bearer token or nobody has it; 429, if the address has to wait.
        """
        if self._tokens is None:
            return LOCAL
        scheme, _, token = (authorization or "").partition(" ")
        offered = hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).hexdigest()
        self._failed.check(address, offered)
        found = None
        for known, principal in self._tokens.items():
            if hmac.compare_digest(known, offered):
                found = principal
        if found is None or scheme.lower() != "bearer":
            self._failed.failed(address)
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "send a known token as 'Authorization: Bearer TOKEN'",
                headers={"www-authenticate": "Bearer"},
            )
        self._failed.succeeded(address, offered)
        return found


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address that is bound to ``host``."""
    return host in {"127.0.0.1", "::1", "localhost"}


def require(role: Role) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency: the caller, who holds ``role`` for the path's namespace, if it has one."""

    async def dependency(request: Request) -> Principal:  # sync, it would cost a thread
        authority: Authority = request.app.state.authority
        address = "" if request.client is None else request.client.host
        principal = authority.identify(request.headers.get("authorization"), address)
        request.state.principal = principal.name
        namespace: Any = request.path_params.get("namespace")
        principal.must(role, namespace)
        return principal

    return dependency


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"

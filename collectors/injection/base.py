"""The words of injection: what is decided for a pod, and what its author may say about it.

A decision is a `Placement` or a `Refusal`; both say why. Pods and Services are manifests as
the API server sends them, parsed JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Manifest = dict[str, Any]

COMPONENT_LABEL: Final = "evenhand.io/component"
"""On a pod: inject it, and this is the component's name."""

INJECT: Final = "evenhand.io/inject"
"""On a pod: ``"false"`` leaves it alone."""

CONTAINER: Final = "evenhand.io/container"
"""On a pod: the container that serves the model, where there is a choice."""

PORT: Final = "evenhand.io/port"
"""On a pod: the port (number, or a declared name) under which clients reach the model now."""

RUNTIME: Final = "evenhand.io/runtime"
"""On a pod: the runtime's name in the catalog, where the image does not tell it."""

MOVE: Final = "evenhand.io/move"
"""On a pod: ``env:NAME`` or ``arg:--flag`` tells the app another port; ``listens:NUMBER`` says that
the app already listens there."""

VERSION: Final = "evenhand.io/version"
"""On a pod: the model's version, where neither response nor path says it."""

STATUS: Final = "evenhand.io/inject-status"
"""On a pod, written by the webhook: ``injected`` or ``refused``."""

REASON: Final = "evenhand.io/inject-reason"
"""On a refused pod: ``code: words with the remedy``."""

PLACED: Final = "evenhand.io/placement"
"""On an injected pod: by which road, and from which port to which."""

CONFIG_HASH: Final = "evenhand.io/config-hash"
"""On an injected pod: of the capture configuration that its sidecar was started with."""

SIDECAR: Final = "evenhand-collect"
"""Name of the injected container."""

TRAFFIC_PORT: Final = 19080
ADMIN_PORT: Final = 19081
APP_PORT: Final = 19082
"""Where the sidecar listens where it may choose, its health, and where a moved app goes."""

NATIVE_SINCE: Final = (1, 29)
"""The first version of Kubernetes whose init containers may stay (`restartPolicy: Always`)."""


class Road(StrEnum):
    """How traffic comes to lead through the sidecar."""

    ANNOTATION = "annotation"
    KNATIVE = "knative"
    RUNTIME = "runtime"
    NAMED = "named port"


@dataclass(frozen=True, slots=True)
class Variable:
    """The app reads its port from this environment variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Argument:
    """The app reads its port from this flag, in ``command`` or ``args`` of its container."""

    flag: str
    field: str


Told = Variable | Argument


@dataclass(frozen=True, slots=True)
class Placement:
    """The sidecar takes ``listen`` and passes on to ``upstream``, where the app is."""

    road: Road
    container: str
    listen: int
    upstream: int
    native: bool
    told: Told | None = None  # how the app learns that it is to listen on upstream
    renamed: str | None = None  # the port name whose declaration is to say listen
    notes: tuple[str, ...] = ()  # what is not watched

    def __str__(self) -> str:
        return f"{self.road}: {self.container} {self.listen} -> {self.upstream}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The pod is admitted untouched; ``words`` say why and what would help."""

    code: str
    words: str

    def __str__(self) -> str:
        return f"{self.code}: {self.words}"


class Refused(Exception):
    """Raised inside this package only; ``place`` gives its refusal back."""

    def __init__(self, code: str, words: str) -> None:
        self.refusal = Refusal(code, words)
        super().__init__(str(self.refusal))

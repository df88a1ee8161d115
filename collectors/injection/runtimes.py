"""The model servers whose HTTP port can be told, and how each is told.

A server is known by its image's name or by the program that its container starts; the annotation
``evenhand.io/runtime`` names one where neither tells. Flags and defaults are those of the
servers' own documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collectors.injection import manifests
from collectors.injection.base import Argument, Manifest, Refused, Told, Variable

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Runtime:
    """One model server: how to recognise it, how it is told its HTTP port, and the default."""

    image: re.Pattern[str]  # searched in the image's name without registry tag and digest
    program: re.Pattern[str]  # searched in command and arguments, joined by blanks
    default: int  # where nothing tells it
    flag: str | None = None
    variable: str | None = None


def _runtime(image: str, program: str, default: int, **told: str) -> Runtime:
    return Runtime(re.compile(image), re.compile(program), default, **told)


RUNTIMES: Final[Mapping[str, Runtime]] = {
    "kserve": _runtime(
        r"/(sklearn|xgb|lgb|pmml|paddle|predictive|huggingface)server(-|$)",
        r"-m (sklearn|xgb|lgb|pmml|paddle|predictive|huggingface)server\b",
        8080,
        flag="--http_port",
    ),
    "vllm": _runtime(
        r"/[^/]*vllm[^/]*$", r"\bvllm serve\b|-m vllm\.entrypoints\.", 8000, flag="--port"
    ),
    "triton": _runtime(r"tritonserver", r"\btritonserver\b", 8000, flag="--http-port"),
    "mlserver": _runtime(
        r"/mlserver(-|$)", r"\bmlserver (start|build)\b", 8080, variable="MLSERVER_HTTP_PORT"
    ),
    "tensorflow-serving": _runtime(
        r"tensorflow[-/]serving|tf-?serving",
        r"\btensorflow_model_server\b",
        8501,
        flag="--rest_api_port",
    ),
}
"""By the name that ``evenhand.io/runtime`` takes."""

_SHELLS = re.compile(r"(^|/)(ba|da|a|z|k)?sh$")


def runtime_of(container: Manifest) -> str | None:
    """The name of the runtime that a container runs, by its image or its program."""
    image = str(container.get("image", "")).partition("@")[0]
    head, _, last = image.rpartition("/")
    path = f"{head.rpartition('/')[2]}/{last.partition(':')[0]}"
    started = " ".join(manifests.words(container))
    for name, runtime in RUNTIMES.items():
        if runtime.image.search(path) or runtime.program.search(started):
            return name
    return None


def port_of(container: Manifest, name: str) -> int:
    """The HTTP port on which a runtime listens as its container starts it; raises Refused."""
    runtime = RUNTIMES[name]
    said = _said(container, runtime)
    if said is None:
        return _default(container, name)
    if not said.isdecimal() or not 0 < int(said) < 65_536:
        raise Refused(
            "port_not_a_number",
            f"{name} takes its port from {said!r}, which is no number here: write the number",
        )
    return int(said)


def how_told(container: Manifest, name: str) -> Told:
    """How a runtime can be told another port; raises Refused where it cannot be."""
    runtime = RUNTIMES[name]
    if runtime.variable is not None:
        return Variable(runtime.variable)
    return argument(container, runtime.flag or "")


def argument(container: Manifest, flag: str) -> Argument:
    """Where a flag stands or can be added; raises Refused where adding it would change more."""
    if starts_by_shell(container):
        raise Refused(
            "shell",
            f"container {container['name']} starts by a shell, into which no argument can be put: "
            "start the server directly, or let it read its port from a variable and say so by "
            "evenhand.io/move: env:NAME",
        )
    for field in ("args", "command"):
        if find(container.get(field) or [], flag) is not None:
            return Argument(flag, field)
    # With command the image's own arguments are not used, so adding one replaces nothing.
    if container.get("args") or container.get("command"):
        return Argument(flag, "args")
    raise Refused(
        "no_args",
        f"container {container['name']} has no args: adding {flag} would replace the image's own. "
        f"Write its args, with {flag} among them",
    )


def find(arguments: list[str], flag: str) -> tuple[int, bool] | None:
    """Where a flag's value stands (the last counts): its index, and whether as ``flag=value``."""
    found = None
    for i, word in enumerate(arguments):
        if str(word).startswith(f"{flag}="):
            found = i, True
        elif word == flag and i + 1 < len(arguments):
            found = i + 1, False
    return found


def starts_by_shell(container: Manifest) -> bool:
    """Whether the container starts a shell that is given a script."""
    words = manifests.words(container)
    return words[:1] == ["-c"] or any(_SHELLS.search(word) for word in words[:1])


def _said(container: Manifest, runtime: Runtime) -> str | None:
    """What the container says about the port; None if nothing."""
    if runtime.variable is not None:
        declared = manifests.variable(container, runtime.variable)
        if declared is None:
            return None
        return str(declared.get("value") or f"valueFrom of {runtime.variable}")
    for field in ("args", "command"):
        arguments = [str(word) for word in container.get(field) or ()]
        place = find(arguments, runtime.flag or "")
        if place is not None:
            index, joined = place
            return arguments[index].partition("=")[2] if joined else arguments[index]
    return None


def _default(container: Manifest, name: str) -> int:
    """The runtime's default, unless the container declares that it is another."""
    runtime = RUNTIMES[name]
    bare = any(word.endswith("tensorflow_model_server") for word in manifests.words(container))
    if bare:  # its image's entry point names 8501, the program itself no port at all
        raise Refused(
            "no_http_port",
            f"{name} has an HTTP port only where {runtime.flag} names one, and its container does "
            "not: add it",
        )
    declared = manifests.numbers(container)
    if declared and runtime.default not in declared:
        raise Refused(
            "port_unknown",
            f"{name} listens on {runtime.default} unless told otherwise, but its container "
            f"declares {', '.join(map(str, declared))}: say its port by "
            f"{runtime.flag or runtime.variable}",
        )
    return runtime.default

"""Release engines' own evaluation code as small programs, built once from Go modules.

One module each in ``tests/oracles``: their Kubernetes versions exclude each other. The programs lie
in the folder that clones share; a build takes 2 to 4 minutes of one core.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from tests.testkit.cache import ServerMissing, filled, run, user_cache

_MODULES = Path(__file__).resolve().parent.parent / "oracles"
_SOURCES = ("go.mod", "go.sum", "main.go")
_FLAGS = ("-p", "1", "-trimpath", "-ldflags=-s -w")
_REMEDY = "Put Go 1.26 or newer on PATH, with a module proxy in reach"


def ask(name: str, question: dict[str, Any]) -> dict[str, Any]:
    """What the oracle ``name`` makes of a question; raises ServerMissing, RuntimeError."""
    done = subprocess.run(
        [program(name)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr[-600:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def program(name: str) -> Path:
    """The program, built if it is not there; raises ServerMissing."""
    if shutil.which("go") is None:
        raise ServerMissing(name, "go is not on PATH", _REMEDY)
    sources = [_MODULES / name / source for source in _SOURCES]
    stamp = hashlib.sha256(b"\n".join(path.read_bytes() for path in sources)).hexdigest()
    build = partial(_build, sources)
    try:
        folder = filled(f"oracles/{name}-{stamp[:12]}", stamp, build, root=user_cache())
    except (RuntimeError, OSError) as error:
        raise ServerMissing(name, str(error), _REMEDY) from None
    return folder / "oracle"


def _build(sources: list[Path], folder: Path) -> None:
    module = folder / "module"
    module.mkdir()
    for path in sources:
        shutil.copy(path, module)
    out = str(folder / "oracle")
    argv = ["nice", "-n", "10", "go", "build", *_FLAGS, "-o", out, "."]
    run(argv, cwd=module, env={"CGO_ENABLED": "0"})

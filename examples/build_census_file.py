"""Make the demo's data file from the census sets (see its README for source and licence).

    python examples/build_census_file.py SHARED/data/census_employment_ma

Features and labels only, as small integers; the file keeps the rows' order, because the incident
that the demo finds lies in that order. Needs pyarrow.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

TARGET = Path(__file__).parent.parent / "governance/service/demo/census.npz"
FEATURES = (
    *("AGEP", "SCHL", "MAR", "RELP", "DIS", "ESP", "CIT", "MIG"),
    *("MIL", "ANC", "NATIVITY", "DEAR", "DEYE", "DREM", "SEX", "RAC1P"),
)


def main(folder: Path) -> None:
    reference = pq.read_table(folder / "reference.parquet").to_pydict()
    analysis = pq.read_table(folder / "analysis.parquet").to_pydict()
    labels = pq.read_table(folder / "analysis_target.parquet").to_pydict()
    by_id = dict(zip(labels["id"], labels["employed"], strict=True))
    arrays: dict[str, Any] = {
        name: np.array([int(v) for v in reference[name] + analysis[name]], dtype=np.int8)
        for name in FEATURES
    }
    later = [by_id[row] for row in analysis["id"]]
    arrays["employed"] = np.array([int(v) for v in reference["employed"] + later], dtype=np.int8)
    years = np.array([int(v) for v in reference["year"] + analysis["year"]], dtype=np.int16)
    arrays["year"] = years
    np.savez_compressed(TARGET, **arrays)
    print(f"{TARGET.name}: {len(years):,} rows, {TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The rows of a contest as pandas frames, for peers that want those; runs in their environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path


def frame(path: Path) -> pd.DataFrame:
    """Numbers as float64, texts as pandas categories: coded once, as Evenhand's are."""
    with np.load(path) as read:
        columns = {name: read[name] for name in read.files if name != "time"}
    return pd.DataFrame(
        {
            name: values if values.dtype.kind in "fi" else pd.Categorical(values)
            for name, values in columns.items()
        }
    )


def categories(rows: pd.DataFrame) -> list[str]:
    """Names of the columns that hold categories."""
    return [name for name in rows if not pd.api.types.is_numeric_dtype(rows[name])]

"""Drift of features that are read out of contents: of the events whose contents were looked at.

Collectors within a budget look into a sample of them (``governance.contents``). What was not asked
is no missing value: these events are left out here, and those that were asked stand for them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from detectors.cells import sampling_weight
from detectors.drift.features import Features
from detectors.reasons import NOT_ASKED
from governance.contents import CONTENTS_WEIGHT
from governance.event import Column, EventBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.base import WindowView
    from detectors.drift.coded import Coded
    from detectors.drift.features import FeatureLook
    from governance.algebra.sums import Sums


class ContentFeatures(Features):
    """Features of contents; windows have as many effective events as were looked into."""

    def add(self, coded: Coded) -> Sums:
        return super().add(coded.of(looked_into(coded.batch)))

    def look(self, view: WindowView, lengths: Sequence[int]) -> FeatureLook:
        look = super().look(view, lengths)
        if not view.panes[-1].events:
            return look
        return replace(look, windows=replace(look.windows, nothing=NOT_ASKED))


def looked_into(batch: EventBatch) -> EventBatch:
    """The events whose contents were asked for, each with the weight of its contents.

    The batch itself where nothing was sampled. Sums are left out: they weigh what they say.
    """
    column = batch.columns.get(CONTENTS_WEIGHT)
    if column is None:
        return batch
    asked = np.flatnonzero(column.values > 0)
    own = batch.take(asked)
    weight = column.values[asked]
    before = sampling_weight(own)
    if before is not None:
        weight = weight * before
    return EventBatch(
        own.version, own.n, {**own.columns, "weight": Column(weight)}, vectors=own.vectors
    )

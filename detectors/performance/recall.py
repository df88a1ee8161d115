"""Recall: the share of events labelled favourable that were predicted so."""

from __future__ import annotations

from detectors.fairness.equal_opportunity import TRUE_POSITIVE
from detectors.performance.measure import share_measure
from governance.component.metrics import RateCheck

RECALL = share_measure(RateCheck.RECALL, TRUE_POSITIVE)

"""Recall: the share of events labelled favourable that were predicted so."""

from __future__ import annotations

from detectors.fairness.equal_opportunity import TRUE_POSITIVE
from detectors.performance.measure import Measure
from governance.component.metrics import RateCheck

RECALL = Measure(RateCheck.RECALL, TRUE_POSITIVE)

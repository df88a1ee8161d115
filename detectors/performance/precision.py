"""Precision: the share of favourable predictions that were right."""

from __future__ import annotations

from detectors.fairness.predictive_parity import PREDICTIVE_VALUE
from detectors.performance.measure import share_measure
from governance.component.metrics import RateCheck

PRECISION = share_measure(RateCheck.PRECISION, PREDICTIVE_VALUE)

"""Print the methods of the installed Evidently: name, numeric, categorical, default threshold."""

from __future__ import annotations

import json
import sys

from detectors.evidently import load

load()

from evidently.legacy.calculations.stattests import registry  # noqa: E402 - told to send nothing

found = {}
for name, tests in registry._registered_stat_tests.items():
    kinds = {kind.value for kind in tests}
    found[name] = ["num" in kinds, "cat" in kinds, next(iter(tests.values())).default_threshold]
json.dump(found, sys.stdout)

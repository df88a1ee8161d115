"""The compiled selectors of ``spec.signals``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collectors.signals import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from governance.component.schema import Signals
    from governance.component.selector import Selector


@dataclass(frozen=True, slots=True)
class Places:
    """Where each signal is; None where the component does not say.

    The label has no place here: live labels come through the label door or the bus.
    """

    id: Place | None
    time: Place | None
    version: Place | None
    prediction: Place | None
    score: Place | None
    groups: Mapping[str, Place]

    @classmethod
    def of(cls, signals: Signals) -> Places:
        """Compile the selectors; raises ConfigError for a JSONPath that cannot be used."""
        return cls(
            id=_place("id", signals.id),
            time=_place("time", signals.time),
            version=_place("version", signals.version),
            prediction=_place("prediction", signals.prediction),
            score=_place("score", signals.score),
            groups={
                name: Place(f"groups.{name}", group.source)
                for name, group in signals.groups.items()
            },
        )


def _place(signal: str, selector: Selector | None) -> Place | None:
    return None if selector is None else Place(signal, selector)

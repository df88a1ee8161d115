"""What models read."""

from __future__ import annotations

from enum import StrEnum


class Modality(StrEnum):
    """What a model reads."""

    TABULAR = "tabular"
    TEXT = "text"
    IMAGE = "image"
    VOICE = "voice"

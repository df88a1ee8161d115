"""Closed vocabularies: categories that may leave the pod by name, because everybody knows them all.

What is not in its list leaves as a keyed code, as any other text does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPTS: Final = (
    "none",
    "latin",
    "cyrillic",
    "greek",
    "hebrew",
    "arabic",
    "devanagari",
    "thai",
    "hangul",
    "kana",
    "han",
    "other",
)
"""Scripts; ``kana`` is Japanese, ``none`` a text without a letter."""

LANGUAGES: Final = (
    *("unknown", "en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "cs"),
    *("ro", "hu", "tr", "id", "vi", "ru", "uk", "bg", "el", "he", "ar", "fa", "hi", "th", "ko"),
    *("ja", "zh"),
)
"""Languages by ISO 639-1; ``unknown`` where too little speaks for one of them."""

PII_KINDS: Final = ("none", "email", "phone", "iban", "card", "ip", "ssn", "several")
"""Kinds of personal data that are looked for; ``several`` where there are two or more."""

CLOSED: Final[Mapping[str, frozenset[str]]] = {
    f"text.{prefix}{name}": frozenset(words)
    for prefix in ("", "response_")
    for name, words in (("script", SCRIPTS), ("language", LANGUAGES), ("pii_kind", PII_KINDS))
}
"""Vocabularies by column."""

"""What may leave the pod: an allow-list of types, decided column by column.

==============  ===============================================================================
type            what it is
==============  ===============================================================================
pseudonym       16 bytes of HMAC-SHA256 under the namespace's key; nothing else names an event
number          derived or copied numbers; with ``anonymizationRequired`` three significant
                digits, and times to one second
category        a closed vocabulary: the names that ``spec.signals`` declares, finish reasons,
                scripts, languages and the like (``governance.vocabularies``), and keyed codes (16
                hex digits) for every other text: drift works, names never show
batch sum       ``governance.event.BatchSum`` over at least ``SMALLEST_SUM`` events
==============  ===============================================================================

Everything else is refused, whoever made it. The level ``open`` lets texts be as they are. This is
minimisation and pseudonymity under a key whose destruction is erasure; it is not anonymity.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from governance.algebra.canonical import canonical_text
from governance.component.schema import PrivacyLevel
from governance.contents import CONTENTS_WEIGHT
from governance.errors import ConfigError, PermanentError
from governance.event import FINISH_REASONS, Column, EventBatch, LabelBatch
from governance.vocabularies import CLOSED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from governance.component.schema import Component, DataPrivacy, Favourable, Signals

KEY_BYTES = 32
PSEUDONYM_BYTES = 16
CODE_BYTES = 8
SMALLEST_SUM = 20  # events; the sum of fewer would show too much of each
POOLED = "other"

_CODES_KEPT = 100_000  # codes remembered per process; beyond it they are computed again
_SECOND_US = 1_000_000
_EXACT = frozenset({"weight", CONTENTS_WEIGHT})  # our own sampling says nothing of a person


class Pseudonymiser:
    """Keyed, repeatable names: equal texts give equal pseudonyms wherever the key is the same.

    An empty key is right for the level ``open`` only.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._codes: dict[tuple[str, str], str] = {}

    def event_ids(self, ids: Sequence[str]) -> NDArray[np.void]:
        """Pseudonyms of request ids, shape (n,), dtype V16."""
        raw = b"".join(self._digest("event", text)[:PSEUDONYM_BYTES] for text in ids)
        return np.frombuffer(raw, dtype=f"V{PSEUDONYM_BYTES}")

    def category_code(self, attribute: str, value: str) -> str:
        """The code of a category, 16 hex digits; another one for each attribute."""
        code = self._codes.get((attribute, value))
        if code is None:
            if len(self._codes) >= _CODES_KEPT:
                self._codes.clear()
            code = self._digest(f"category\0{attribute}", value)[:CODE_BYTES].hex()
            self._codes[attribute, value] = code
        return code

    def _digest(self, purpose: str, text: str) -> bytes:
        message = f"{purpose}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, message, hashlib.sha256)


class PrivacyFilter:
    """Decides what of a component's events and labels may leave the pod."""

    def __init__(self, component: Component, pseudonymiser: Pseudonymiser) -> None:
        self._rule: DataPrivacy = component.spec.governance.data_privacy
        self._vocabulary = _vocabulary(component.spec.signals)
        self._pseudonymiser = pseudonymiser

    def events(self, batch: EventBatch) -> EventBatch:
        """What may leave of a batch of events.

        Raises
        ------
        PermanentError
            If a column or sum has no type of the allow-list, or there are vectors (reason
            ``privacy``).
        """
        if batch.vectors:
            names = ", ".join(sorted(batch.vectors))
            raise PermanentError("privacy", f"vectors ({names}) may not leave the pod: sum them")
        for name, total in batch.sums.items():
            if total.n < SMALLEST_SUM:
                raise PermanentError(
                    "privacy", f"sum {name!r} is over {total.n} events, not {SMALLEST_SUM}"
                )
        return replace(batch, columns=self._columns(batch.columns))

    def labels(self, batch: LabelBatch) -> LabelBatch:
        """What may leave of a batch of labels; raises as ``events`` does."""
        return LabelBatch(batch.n, self._columns(batch.columns))

    def texts(self, name: str, texts: Sequence[str]) -> tuple[str, ...]:
        """What becomes of the categories of column ``name``, for example of a reference."""
        if self._rule.level is PrivacyLevel.OPEN:
            return tuple(texts)
        declared = self._vocabulary.get(name, frozenset())
        code = self._pseudonymiser.category_code
        return tuple(text if text in declared else code(name, text) for text in texts)

    def _columns(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        return {name: self._column(name, column) for name, column in columns.items()}

    def _column(self, name: str, column: Column) -> Column:
        values = column.values
        if column.dictionary is not None and values.dtype.kind == "i":
            return Column(values, self.texts(name, column.dictionary))
        if values.dtype.kind in "if":
            return Column(self._number(name, values))
        if name == "event_id" and values.dtype == np.dtype(f"V{PSEUDONYM_BYTES}"):
            return column
        raise PermanentError(
            "privacy",
            f"column {name!r} is {values.dtype.str}: only pseudonyms, numbers, categories and "
            "batch sums may leave the pod",
        )

    def _number(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        if not self._rule.anonymization_required or name in _EXACT:
            return values
        if name == "time":
            return np.asarray(values - values % _SECOND_US)
        return significant(values)


def significant(values: NDArray[Any]) -> NDArray[Any]:
    """The values to three significant digits, same shape and dtype; NaN and inf stay."""
    x = values.astype(np.float64)
    magnitude = np.zeros_like(x)
    np.log10(np.abs(x), out=magnitude, where=np.isfinite(x) & (x != 0))
    shift = 2 - np.clip(np.floor(magnitude), -290, 300)
    up, down = 10.0 ** np.maximum(shift, 0), 10.0 ** np.maximum(-shift, 0)
    with np.errstate(over="ignore"):
        return np.asarray(np.rint(x * up / down) * down / up, dtype=values.dtype)


def open_pseudonymiser(
    component: Component, directory: Path | None, *, create: bool = False
) -> Pseudonymiser:
    """The pseudonymiser of a component: keyed by its namespace, unkeyed at the level ``open``.

    Raises
    ------
    ConfigError
        If the component's privacy level needs a key and there is none.
    """
    if component.spec.governance.data_privacy.level is PrivacyLevel.OPEN:
        return Pseudonymiser(b"")
    return Pseudonymiser(load_key(directory, component.metadata.namespace, create=create))


def load_key(directory: Path | None, namespace: str, *, create: bool = False) -> bytes:
    """Read the namespace's key, 32 bytes, from ``<directory>/<namespace>.key`` (64 hex digits).

    With ``create`` a missing key is made, readable by its owner only; if two processes make it at
    once both get the same.

    Raises
    ------
    ConfigError
        If there is no key, or the file does not hold one; the key itself is never in the message.
    """
    if directory is None:
        raise ConfigError(
            f"namespace {namespace!r} needs a privacy key: set privacy.keyDirectory (or "
            f"EVENHAND_PRIVACY_KEY_DIRECTORY) to a folder that holds {namespace}.key"
        )
    path = directory / f"{namespace}.key"
    try:
        if create and not path.exists():
            _make_key(path)
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise ConfigError(
            f"namespace {namespace!r} needs a privacy key and {path} is not there: write 64 "
            "random hex digits to it, the same for every process (openssl rand -hex 32)"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the privacy key {path} cannot be read: {_why(error)}") from None
    return _key_of(path, text)


def _key_of(path: Path, text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"the privacy key {path} must hold {2 * KEY_BYTES} hex digits")
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
    try:
        path.hardlink_to(draft)  # the whole key or nothing, and the first of two wins
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _vocabulary(signals: Signals) -> dict[str, frozenset[str]]:
    """Per column the texts that ``spec.signals`` declares, so that they may show."""
    outcome = _listed(signals.favourable)
    own_label = signals.label.favourable if signals.label is not None else None
    declared = {
        **CLOSED,
        "prediction": outcome,
        "label": outcome | _listed(own_label),
        "finish_reason": frozenset(FINISH_REASONS),
    }
    for attribute, group in signals.groups.items():
        pooled = {POOLED} if group.others == "pool" else set()
        declared[f"group.{attribute}"] = frozenset(group.names.values()) | pooled
    return declared


def _listed(favourable: Favourable | None) -> frozenset[str]:
    values = favourable.values if favourable is not None else None
    return frozenset(map(canonical_text, values or ()))

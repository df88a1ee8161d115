"""Signed checkpoints of audit chains: where a chain stood, under a key that the database has not.

Whoever can write the whole table can forge a chain that holds, or cut off its end. A checkpoint
says in one line which row was the newest at some time, signed with ed25519; kept elsewhere, it
shows both. What is signed is a text of five lines, so that any tool with ed25519 can check it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from governance.audit import Link
from governance.clock import format_instant, parse_instant_us
from governance.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

TYPE = "io.evenhand.audit.checkpoint.v1"
_FIELDS = frozenset({"type", "namespace", "sequence", "hash", "at", "key", "signature"})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A chain's newest row at some time; ``key`` names the public key that fits."""

    namespace: str
    link: Link
    at_us: int
    key: str
    signature: str  # base64

    @property
    def signed_text(self) -> bytes:
        """What is signed: type, namespace, sequence, hash and time, a line each."""
        return _text(self.namespace, self.link, self.at_us)

    def to_line(self) -> str:
        """One line of JSON."""
        fields = {
            "type": TYPE,
            "namespace": self.namespace,
            "sequence": self.link.sequence,
            "hash": self.link.hash,
            "at": format_instant(self.at_us),
            "key": self.key,
            "signature": self.signature,
        }
        return json.dumps(fields, separators=(",", ":"))


def sign(key: Ed25519PrivateKey, namespace: str, link: Link, at_us: int) -> Checkpoint:
    """A checkpoint of a chain's head."""
    signature = base64.b64encode(key.sign(_text(namespace, link, at_us))).decode()
    return Checkpoint(namespace, link, at_us, key_name(key.public_key()), signature)


def why_not_signed(checkpoint: Checkpoint, key: Ed25519PublicKey) -> str | None:
    """Why the signature does not hold under this key, or None where it does."""
    if checkpoint.key != key_name(key):
        return f"it names key {checkpoint.key}, the public key is {key_name(key)}"
    try:
        signature = base64.b64decode(checkpoint.signature, validate=True)
        key.verify(signature, checkpoint.signed_text)
    except (binascii.Error, InvalidSignature):
        return "its signature does not hold: the line was edited"
    return None


def read_checkpoints(path: Path) -> list[Checkpoint]:
    """The checkpoints of a file, one a line, in its order.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a line is no checkpoint.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"checkpoint file {path} cannot be read: {error}") from None
    numbered = ((n, line) for n, line in enumerate(lines, start=1) if line.strip())
    return [_read(path, number, line) for number, line in numbered]


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """An ed25519 key, PEM without a password; raises ConfigError with the remedy."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"signing key {path} cannot be read: {_first_line(error)}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(
            f"signing key {path} is not ed25519: openssl genpkey -algorithm ed25519 -out {path}"
        )
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """An ed25519 public key, PEM; raises ConfigError with the remedy."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"public key {path} cannot be read: {_first_line(error)}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"public key {path} is not ed25519: openssl pkey -in KEY -pubout")
    return key


def key_name(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _text(namespace: str, link: Link, at_us: int) -> bytes:
    lines = (TYPE, namespace, str(link.sequence), link.hash, format_instant(at_us), "")
    return "\n".join(lines).encode()


def _read(path: Path, number: int, line: str) -> Checkpoint:
    try:
        fields = _fields(line)
        link = Link(int(fields["sequence"]), str(fields["hash"]))
        at_us = parse_instant_us(str(fields["at"]))
        texts = (str(fields[name]) for name in ("namespace", "key", "signature"))
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path}:{number} is no checkpoint: {_first_line(error)}") from None
    namespace, key, signature = texts
    return Checkpoint(namespace, link, at_us, key, signature)


def _fields(line: str) -> dict[str, Any]:
    fields = json.loads(line)
    if not isinstance(fields, dict) or set(fields) != _FIELDS or fields["type"] != TYPE:
        raise ValueError(f"it has the fields {', '.join(sorted(_FIELDS))}, and the type {TYPE}")
    return fields


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

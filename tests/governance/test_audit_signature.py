"""Checkpoints that hold only under their key, and that any tool can check."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from governance.audit import Link, genesis
from governance.audit_signature import (
    Checkpoint,
    load_public_key,
    load_signing_key,
    read_checkpoints,
    sign,
    why_not_signed,
)
from governance.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LINK = Link(7, "ab" * 32)


def signed() -> Checkpoint:
    return sign(KEY, "shop", LINK, 1_700_000_000_123_456)


def test_a_checkpoint_survives_its_line(tmp_path: Path) -> None:
    """What is written is read back, and its signature holds."""
    path = tmp_path / "checkpoints"
    path.write_text(f"{signed().to_line()}\n\n{signed().to_line()}\n")
    assert read_checkpoints(path) == [signed(), signed()]
    assert why_not_signed(read_checkpoints(path)[0], KEY.public_key()) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"namespace": "bank"},
        {"link": Link(6, LINK.hash)},
        {"link": genesis("shop")},
        {"at_us": 1},
        {"signature": base64.b64encode(bytes(64)).decode()},
        {"signature": "no base64"},
    ],
)
def test_a_changed_checkpoint_does_not_hold(changed: dict[str, object]) -> None:
    """Each of its fields is signed."""
    edited = replace(signed(), **changed)  # type: ignore[arg-type]
    assert "was edited" in (why_not_signed(edited, KEY.public_key()) or "")


def test_another_key_is_named() -> None:
    """A checkpoint says whose it is, so a wrong key is no forgery."""
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    assert "it names key" in (why_not_signed(signed(), other) or "")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on PATH")
def test_openssl_checks_it_too(tmp_path: Path) -> None:
    """The signed text and the signature need nothing of ours."""
    text, signature, public = (tmp_path / name for name in ("text", "signature", "public.pem"))
    text.write_bytes(
        b"io.evenhand.audit.checkpoint.v1\nshop\n7\n"
        + LINK.hash.encode()
        + b"\n2023-11-14T22:13:20.123456Z\n"
    )
    signature.write_bytes(base64.b64decode(signed().signature))
    public.write_bytes(
        KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    argv = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(public)]
    files = ["-in", str(text), "-sigfile", str(signature)]
    done = subprocess.run([*argv, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "not JSON",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps({**json.loads(signed().to_line()), "type": "another"}),
        json.dumps({**json.loads(signed().to_line()), "sequence": "many"}),
        json.dumps({**json.loads(signed().to_line()), "at": "yesterday"}),
        json.dumps({**json.loads(signed().to_line()), "more": 1}),
    ],
)
def test_a_line_that_is_no_checkpoint_is_named(tmp_path: Path, line: str) -> None:
    """File and line."""
    path = tmp_path / "checkpoints"
    path.write_text(f"{signed().to_line()}\n{line}\n")
    with pytest.raises(ConfigError, match=r"checkpoints:2 is no checkpoint"):
        read_checkpoints(path)


def test_keys_are_read_from_pem(tmp_path: Path) -> None:
    """ed25519 only, with the remedy where it is something else."""
    plain = NoEncryption()
    mine, rsa, nothing = (tmp_path / name for name in ("mine.pem", "rsa.pem", "nothing.pem"))
    mine.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, plain))
    other = generate_private_key(65_537, 2_048)
    rsa.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, plain))
    assert load_signing_key(mine).private_bytes_raw() == KEY.private_bytes_raw()
    with pytest.raises(ConfigError, match="is not ed25519: openssl genpkey"):
        load_signing_key(rsa)
    for load in (load_signing_key, load_public_key):
        with pytest.raises(ConfigError, match=r"nothing\.pem cannot be read"):
            load(nothing)

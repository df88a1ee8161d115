"""`evenhand audit` on a database and on exported files, by one who tampers with both."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy import delete, select, update

from governance.audit import AuditEntry, genesis
from governance.service.cli.main import main
from governance.store.audit import Audit
from governance.store.engine import open_engine, transaction
from governance.store.retention import prune_audit
from governance.store.tables import audit, audit_heads
from tests.alerting.stored import open_migrated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Said = tuple[int, str, str]


class Chains:
    """A database with two chains, a key, and the command line over it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        store = open_migrated(folder)
        self.chain = Audit(store.engine)
        self.engine = store.engine
        rows = [
            AuditEntry(name, n, "alert.changed", f'{{"n":{n}}}')
            for n in range(1, 6)
            for name in ("bank", "shop")
        ]
        self.chain.append(rows)
        key = Ed25519PrivateKey.generate()
        plain = NoEncryption()
        self.file("key.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, plain))
        public = key.public_key()
        self.file(
            "public.pem", public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def run(self, *arguments: object, database: bool = True) -> Said:
        """Exit code, stdout, stderr."""
        place = ["--database", f"sqlite:///{self.folder / 'evenhand.db'}"] if database else []
        self._capsys.readouterr()
        code = main(["audit", *map(str, arguments), *place])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def checkpoints(self) -> list[object]:
        """Sign the heads as they are now; the flags that check against them."""
        path = self.folder / "checkpoints.jsonl"
        key = self.folder / "key.pem"
        assert self.run("checkpoint", "--key", key, "--append", path) == (0, "", "")
        return ["--checkpoints", path, "--public-key", self.folder / "public.pem"]

    def exported(self) -> Path:
        path = self.folder / "audit.jsonl"
        assert self.run("export", "-o", path) == (0, "", "")
        return path


@pytest.fixture
def chains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Chains:
    return Chains(tmp_path, capsys)


def test_whole_chains_hold(chains: Chains) -> None:
    """In the database, against checkpoints, and as a file without it."""
    words = "bank: 5 rows hold, up to 5\nshop: 5 rows hold, up to 5\n"
    assert chains.run("verify") == (0, words, "")
    flags, file = chains.checkpoints(), chains.exported()
    seen = words.replace("up to 5", "up to 5, 1 checkpoints hold")
    assert chains.run("verify", *flags) == (0, seen, "")
    assert chains.run("verify", file, *flags, database=False) == (0, seen, "")
    assert chains.run("verify", "--namespace", "shop")[1] == "shop: 5 rows hold, up to 5\n"


def test_json_for_scripts(chains: Chains) -> None:
    """One object a namespace, with the place of the break."""
    with transaction(chains.engine) as connection:
        connection.execute(delete(audit).where(audit.c.sequence == 3, audit.c.namespace == "shop"))
    code, out, _ = chains.run("verify", "--json")
    bank, shop = map(json.loads, out.splitlines())
    assert (code, bank["holds"], shop["holds"], shop["rows"]) == (1, True, False, 2)
    assert shop["broken"] == {"sequence": 3, "reason": "the row is missing"}


def test_a_truncated_tail_is_found_with_a_checkpoint_only(chains: Chains) -> None:
    """The chain alone cannot know; what was kept elsewhere does."""
    flags = chains.checkpoints()
    with transaction(chains.engine) as connection:
        connection.execute(delete(audit).where(audit.c.sequence > 3))
        hash_ = select(audit.c.hash).where(audit.c.sequence == 3)
        for name in ("bank", "shop"):
            newest = hash_.where(audit.c.namespace == name).scalar_subquery()
            head = update(audit_heads).where(audit_heads.c.namespace == name)
            connection.execute(head.values(sequence=3, hash=newest))
    assert chains.run("verify")[0] == 0
    code, out, _ = chains.run("verify", *flags)
    assert code == 1
    assert "shop: BROKEN at row 4: the row is missing (3 rows before it hold)" in out


def test_a_chain_that_is_gone_altogether_is_missed(chains: Chains) -> None:
    """A namespace that a checkpoint names is looked for."""
    flags = chains.checkpoints()
    with transaction(chains.engine) as connection:
        for table in (audit, audit_heads):
            connection.execute(delete(table).where(table.c.namespace == "shop"))
    assert chains.run("verify")[:2] == (0, "bank: 5 rows hold, up to 5\n")
    assert "shop: BROKEN at row 1: the row is missing" in chains.run("verify", *flags)[1]


def test_an_edited_checkpoint_is_refused(chains: Chains) -> None:
    """Its signature does not hold, and it is named."""
    flags = chains.checkpoints()
    path = chains.folder / "checkpoints.jsonl"
    path.write_text(path.read_text().replace('"sequence":5', '"sequence":3', 1))
    code, _, err = chains.run("verify", *flags)
    assert (code, "entry 1: its signature does not hold" in err) == (1, True)


def test_checkpoints_need_a_key(chains: Chains) -> None:
    """Without the public key a checkpoint proves nothing."""
    flags = chains.checkpoints()
    assert chains.run("verify", *flags[:2])[0] == 2
    assert "no signing key" in chains.run("checkpoint")[2]


def edited(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*lines[:3], {**lines[3], "body": "{}"}, *lines[4:]]


def removed(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*lines[:3], *lines[4:]]


def reordered(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


def cut_short(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return lines[:-1]


def another_beginning(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**lines[0], "anchor": {"sequence": 0, "hash": "0" * 64}}, *lines[1:]]


@pytest.mark.parametrize("tamper", [edited, removed, reordered, cut_short, another_beginning])
def test_a_tampered_export_is_found(
    chains: Chains, tamper: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> None:
    """Edited, removed, moved, cut off at the end, hung on another beginning: each offline."""
    chains.run("export", "-o", chains.folder / "one.jsonl", "--namespace", "shop")
    lines = [json.loads(line) for line in (chains.folder / "one.jsonl").read_text().splitlines()]
    text = "".join(json.dumps(line) + "\n" for line in tamper(lines))
    path = chains.file("tampered.jsonl", text.encode())
    code, out, _ = chains.run("verify", path, database=False)
    assert (code, "shop: BROKEN at row" in out) == (1, True), out


def test_an_export_can_be_checked_without_us(chains: Chains) -> None:
    """Ten lines of anybody's: SHA-256 over a JSON list, from one row to the next."""
    hashes = {}
    for line in chains.exported().read_text().splitlines():
        row = json.loads(line)
        if "type" in row:
            hashes[row["namespace"]] = row["anchor"]["hash"]
            continue
        covered = [row["previous"], row["sequence"], row["at"], row["kind"], row["body"]]
        text = json.dumps(covered, separators=(",", ":"))
        assert row["previous"] == hashes[row["namespace"]]
        hashes[row["namespace"]] = hashlib.sha256(text.encode()).hexdigest()
        assert row["hash"] == hashes[row["namespace"]]
    assert hashes["shop"] != genesis("shop").hash


def test_a_pruned_chain_is_exported_with_its_anchor(chains: Chains) -> None:
    """Retention keeps the link, in the database and in the file."""
    prune_audit(chains.engine, "shop", 3, now_us=1_000)
    said = chains.run("verify", "--namespace", "shop")[1]
    assert said == "shop: 4 rows hold, since the anchor 2, up to 6\n"
    out = chains.run("verify", chains.exported(), database=False)[1]
    assert said in out


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", 0, ""),
        ('{"namespace":"shop"}\n', 1, ":1 is no row"),
        ("no JSON\n", 1, ":1 is no JSON"),
        ("[1]\n", 1, ":1 is no JSON object"),
        ('{"type":"other"}\n', 1, ":1 has the type 'other'"),
        ('{"type":"io.evenhand.audit.v1"}\n', 1, ":1 is no first line"),
    ],
)
def test_what_is_no_export_is_named(chains: Chains, text: str, code: int, words: str) -> None:
    """File and line, and what is wrong there."""
    path = chains.file("export.jsonl", text.encode())
    said = chains.run("verify", path, database=False)
    assert said[0] == code
    assert words in said[2]


def test_a_missing_file_is_wrong_usage(chains: Chains) -> None:
    """Exit code 2."""
    assert chains.run("verify", chains.folder / "none.jsonl", database=False)[0] == 2


def test_another_engine_reads_the_same(chains: Chains) -> None:
    """Nothing of the check lives in the process that wrote."""
    engine = open_engine(f"sqlite:///{chains.folder / 'evenhand.db'}")
    assert Audit(engine).heads() == chains.chain.heads()
    engine.dispose()

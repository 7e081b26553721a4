"""`audit verify` and `audit export`: an operator's look at the chain."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taproot_audit.chain import Signed
from taproot_audit.checks import export, verify, verify_export
from taproot_base.auth import TokenVerifier

if TYPE_CHECKING:
    from taproot_storage.database import Database


def add_parser(commands: Any) -> None:
    verbs = commands.add_parser("audit", help="who did and who read what: is it as it was sealed?")
    verbs = verbs.add_subparsers(dest="verb", required=True)
    check = verbs.add_parser("verify", help="follow the chain; names the first that is not as it was sealed")
    check.add_argument("file", nargs="?", type=Path, help="an export, checked without a database")
    check.add_argument(
        "--keys", type=Path, help="keys.json with the services' public keys; default: the service's own"
    )
    check.add_argument(
        "--head", default="", help="a hash from the log (audit_head) that must be in the chain"
    )
    out = verbs.add_parser("export", help="blocks and events as JSON lines")
    out.add_argument("file", nargs="?", type=Path, help="default: standard output")
    for verb in (check, out):
        verb.add_argument(
            "--from", dest="since", type=_instant, help="blocks sealed since, such as 2026-11-01"
        )
        verb.add_argument("--to", dest="until", type=_instant, help="blocks sealed before")


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def is_offline(asked: argparse.Namespace) -> bool:
    """Whether it needs nothing of the service but its keys."""
    return asked.command == "audit" and asked.verb == "verify" and asked.file is not None


def verify_file(asked: argparse.Namespace, service: str, keys: Path) -> str:
    """What to say about an export. Raises Fault."""
    with asked.file.open("rb") as lines:
        return f"{service}: {verify_export(lines, service, _signed(keys), asked.head)}"


async def run(asked: argparse.Namespace, service: str, keys: Path, database: Database) -> str:
    """What to say about it. Raises Fault."""
    if asked.verb == "export":
        return await _export(asked, service, database)
    signed = _signed(asked.keys or keys)
    return f"{service}: {await verify(database, service, signed, asked.since, asked.until, asked.head)}"


async def _export(asked: argparse.Namespace, service: str, database: Database) -> str:
    target = sys.stdout.buffer if asked.file is None else asked.file.open("wb")
    try:
        async for line in export(database, service, asked.since, asked.until):
            target.write(line)
    finally:
        if asked.file is not None:
            target.close()
    return f"{service}: written to {asked.file}" if asked.file is not None else ""


def _signed(keys: Path) -> Signed:
    return TokenVerifier.load(keys).signed

"""`taproot privacy verify`: whether a receipt of an erasure is what was signed."""

from __future__ import annotations

import argparse
import base64
import binascii
import json
from pathlib import Path
from typing import Any

from taproot_base.auth import TokenVerifier
from taproot_local.errors import LocalError
from taproot_local.home import Home

HEAD = b"taproot erasure receipt\n"
SIGNER = "service:customer"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="taproot privacy", description="Receipts of erasures.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verify = verbs.add_parser("verify", help="check the signature of a receipt, without Taproot running")
    verify.add_argument("receipt", type=Path, help="JSON of the erasure, or of its receipt")
    verify.add_argument(
        "--keys", type=Path, help="keys.json with the public keys; default: this installation's"
    )
    asked = parser.parse_args(arguments)
    keys = asked.keys or Home.current().keys / "customer" / "keys.json"
    print(_verified(_read(asked.receipt), TokenVerifier.load(keys)))
    return 0


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        receipt: dict[str, Any] = found.get("receipt", found)
    except (ValueError, AttributeError) as error:
        raise LocalError(f"{path} is no receipt") from error
    if not {"statement", "key_id", "signature"} <= receipt.keys():
        raise LocalError(f"{path} is no receipt")
    return receipt


def _verified(receipt: dict[str, Any], keys: TokenVerifier) -> str:
    try:
        signature = base64.b64decode(receipt["signature"], validate=True)
    except binascii.Error as error:
        raise LocalError("the signature cannot be read") from error
    if receipt["key_id"] != SIGNER:
        raise LocalError(f"{receipt['key_id']} may not sign receipts")
    good = keys.signed(receipt["key_id"], signature, HEAD + receipt["statement"].encode())
    if not good:
        raise LocalError("the signature is not of this receipt" if good is False else "the key is not known")
    said = json.loads(receipt["statement"])
    rows = sum(row["rows_deleted"] for one in said["services"] for row in one["tables"])
    return f"customer {said['customer_id']} erased at {said['completion_time']}: {rows} rows deleted; signature good"

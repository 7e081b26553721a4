"""Signing keys of the processes: each its own private one, all the same set of public ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from taproot_local.processes import write_atomically

# The gateway is the identity service.
IDENTITY, GATEWAY_KEY = "identity", "gateway"
PUBLIC = "keys.json"


def ensure_keys(directory: Path, owners: Mapping[str, str]) -> None:
    """`owners`: process -> the name it signs with. Makes `<process>/<name>.pem` where missing, and the public
    set of all as `<process>/keys.json`.
    """
    public = {"keys": [_jwk(key_id(name), _private_key(directory / at, name)) for at, name in owners.items()]}
    for process in owners:
        write_atomically(directory / process / PUBLIC, json.dumps(public, indent=2), mode=0o644)


def key_id(name: str) -> str:
    """The gateway's key may speak for users, `service:<name>` only for that service."""
    return GATEWAY_KEY if name == IDENTITY else f"service:{name}"


def _private_key(directory: Path, name: str) -> Ed25519PrivateKey:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{name}.pem"
    if not path.exists():
        fresh = Ed25519PrivateKey.generate()
        text = fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        write_atomically(path, text)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{path} does not hold an Ed25519 private key")
    return key


def _jwk(kid: str, key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}

"""Keys, certificates and room on the disk."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from taproot_local.doctor.findings import Finding, ok, warning, wrong
from taproot_local.keys import PUBLIC, key_id

NEEDED_BYTES = 500_000_000
SCARCE_BYTES = 2_000_000_000
NOTICE = timedelta(days=14)


def keys(service: str, signer: str, directory: Path, owners: Mapping[str, str]) -> list[Finding]:
    """`signer`: the name it signs with; `owners`: service -> that name, of all."""
    about = f"keys of {service}"
    try:
        public = {one["kid"]: one["x"] for one in json.loads((directory / PUBLIC).read_text())["keys"]}
        private = load_pem_private_key((directory / f"{signer}.pem").read_bytes(), password=None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = f"they cannot be read ({error})"
        return [
            wrong(about, said, f"{directory} must hold {PUBLIC} and {signer}.pem: make them with `secrets`")
        ]
    found = []
    if missing := sorted(name for name, owner in owners.items() if key_id(owner) not in public):
        remedy = "give every service the same keys.json with the public keys of all, then restart them"
        found.append(wrong(about, f"{PUBLIC} lacks the key of {', '.join(missing)}", remedy))
    if not isinstance(private, Ed25519PrivateKey) or public.get(key_id(signer)) != _public(private):
        remedy = (
            "its tokens are refused everywhere: put the public half of its key into keys.json of all services"
        )
        found.append(wrong(about, f"{signer}.pem does not belong to its entry in {PUBLIC}", remedy))
    if (directory / f"{signer}.pem").stat().st_mode & 0o007:
        found.append(
            warning(about, f"{signer}.pem can be read by everybody", f"chmod o-rwx {directory / signer}.pem")
        )
    return found or [ok(about, "they fit each other")]


def _public(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def certificates(service: str, directory: Path, now: datetime | None = None) -> list[Finding]:
    """`directory` holds ca.crt, tls.crt and tls.key."""
    about = f"certificate of {service}"
    try:
        authority, mine = (
            x509.load_pem_x509_certificate((directory / name).read_bytes()) for name in ("ca.crt", "tls.crt")
        )
        key = load_pem_private_key((directory / "tls.key").read_bytes(), password=None)
    except (OSError, ValueError) as error:
        remedy = f"{directory} must hold ca.crt, tls.crt and tls.key"
        return [wrong(about, f"it cannot be read ({error})", remedy)]
    try:
        mine.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return [
            wrong(
                about,
                "its authority is not the one in ca.crt",
                "all services need certificates of one authority",
            )
        ]
    if mine.public_key() != key.public_key():
        return [
            wrong(about, "tls.key does not belong to tls.crt", "renew the certificate: both come together")
        ]
    left = min(mine.not_valid_after_utc, authority.not_valid_after_utc) - (now or datetime.now(UTC))
    if left < timedelta():
        return [wrong(about, "it has expired", "renew it and restart the service")]
    if left < NOTICE:
        return [
            warning(
                about, f"it expires in {left.days} days", "docs/operations/runbooks/certificate-expiring.md"
            )
        ]
    return [ok(about, f"valid for {left.days} days")]


def disk(what: str, directory: Path) -> list[Finding]:
    free = shutil.disk_usage(directory).free
    said = f"{free // 1_000_000} MB are free at {directory}"
    if free < NEEDED_BYTES:
        return [wrong(what, said, "free some: a database without room refuses every change")]
    if free < SCARCE_BYTES:
        return [warning(what, said, "free some before it is full")]
    return [ok(what, said)]

"""Certificates for trials: an authority of the installation's own, and one certificate for each process."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from taproot_local.processes import write_atomically

CA, CERTIFICATE, KEY = "ca.crt", "tls.crt", "tls.key"
DAYS = 365
AUTHORITY_DAYS = 3650
ADMINISTRATOR = "administrator"
"""Who provisions databases and looks after the installation."""


def ensure(directory: Path, names: Iterable[str]) -> None:
    """Makes `<name>/ca.crt`, `tls.crt` and `tls.key` anew for each name, signed by `authority/`, which is kept."""
    authority, key = _authority(directory / "authority")
    for name in names:
        _issue(directory / name, name, authority, key)


def context(directory: Path) -> ssl.SSLContext:
    """For a client that shows the certificate in `directory` and believes its authority alone."""
    made = ssl.create_default_context(cafile=directory / CA)
    made.load_cert_chain(directory / CERTIFICATE, directory / KEY)
    return made


def database_options(directory: Path) -> str:
    """End of a PostgreSQL URL, for a client with the certificate in `directory`."""
    files = {"sslrootcert": CA, "sslcert": CERTIFICATE, "sslkey": KEY}
    return urlencode(
        {"sslmode": "verify-full"} | {name: str(directory / file) for name, file in files.items()}
    )


def _authority(directory: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    if not (directory / KEY).exists():
        fresh = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Taproot trial authority")])
        made = _builder(name, name, fresh.public_key(), AUTHORITY_DAYS).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        made = made.add_extension(_usage(signs_others=True), critical=True)
        _write(directory, CA, made.sign(fresh, hashes.SHA256()).public_bytes(Encoding.PEM))
        _write(directory, KEY, _text(fresh))
    key = load_pem_private_key((directory / KEY).read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{directory / KEY} holds no elliptic-curve key")
    return x509.load_pem_x509_certificate((directory / CA).read_bytes()), key


def _issue(
    directory: Path, name: str, authority: x509.Certificate, signer: ec.EllipticCurvePrivateKey
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    places = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        _builder(subject, authority.subject, key.public_key(), DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_others=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName(places), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    _write(directory, CA, authority.public_bytes(Encoding.PEM))
    _write(directory, CERTIFICATE, made.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM))
    _write(directory, KEY, _text(key))


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _text(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(directory: Path, name: str, content: bytes) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(directory / name, content.decode())

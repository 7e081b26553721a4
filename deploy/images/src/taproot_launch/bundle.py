"""All secrets of a new installation, made in one go: signing keys, passwords, the SQL that creates the logins.

Printed as Kubernetes Secrets (`| kubectl apply -f -`) or written as directories for Docker Compose. Nothing is
kept: who runs it again makes an installation that cannot read what the old one signed.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")
SIGNERS = {name: name for name in SERVICES} | {"gateway": "identity"}
KEY_IDS = {name: f"service:{name}" for name in SERVICES} | {"gateway": "gateway"}
Files = dict[str, str]


@dataclass(frozen=True)
class Places:
    """Where the servers of the installation are, `host:port`, and what its URLs end with."""

    postgres: str
    nats: str
    smtp: str = ""
    database_options: str = ""


def generate(places: Places) -> dict[str, Files]:
    """Directory or Secret -> file -> content. `postgresql` and `nats` are for the servers' administrators."""
    private = {name: Ed25519PrivateKey.generate() for name in SERVICES}
    public = json.dumps({"keys": [_jwk(KEY_IDS[name], key) for name, key in private.items()]})
    passwords = {f"{name}_{kind}": _password() for name in SERVICES for kind in ("owner", "app")}
    nats_password = _password()
    made: dict[str, Files] = {}
    for name in SERVICES:
        made[name] = {
            "database-url": _database_url(places, name, "app", passwords),
            "nats-url": ",".join(
                f"nats://taproot:{nats_password}@{server}" for server in places.nats.split(",")
            ),
            "page-token-key": _password(),
            "keys.json": public,
            f"{SIGNERS[name]}.pem": _pem(private[name]),
        }
        made[f"{name}-migration"] = {
            "migration-database-url": _database_url(places, name, "owner", passwords),
        }
    made["marketing"] |= {"smtp-url": places.smtp, "link-key": _password(), "form-salt": _password()}
    made["gateway"] |= {
        "admin-password": secrets.token_urlsafe(15),
        "smtp-url": places.smtp,
        "sealing-keys": _password(),
        "webhook-secret-key": _password(),
    }
    made["postgresql"] = {"password": _password(), "provision.sql": provision_sql(passwords)}
    made["nats"] = {"password": nats_password}
    return made


def provision_sql(passwords: Mapping[str, str]) -> str:
    """For psql, as an administrator; may run again: what is there stays, passwords are set anew."""
    parts = ["SET client_min_messages = warning;", "SET scram_iterations = 4096;"]
    for name in SERVICES:
        owner, app, database = f"{name}_owner", f"{name}_app", f"taproot_{name}"
        for login in (owner, app):
            parts += [
                f"SELECT 'CREATE ROLE {login}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{login}') \\gexec",
                f"ALTER ROLE {login} LOGIN PASSWORD '{passwords[login]}';",
            ]
        parts += [
            f"SELECT 'GRANT {owner} TO CURRENT_USER' WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \\gexec",
            f"SELECT 'CREATE DATABASE {database} OWNER {owner} TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C''' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}') \\gexec",
            f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;",
            f"GRANT CONNECT ON DATABASE {database} TO {owner}, {app};",
        ]
    return "\n".join(parts) + "\n"


def as_manifests(made: Mapping[str, Files], release: str, namespace: str) -> str:
    return "---\n".join(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": f"{release}-{name}",
                    "namespace": namespace,
                    "labels": {"app.kubernetes.io/part-of": "taproot", "app.kubernetes.io/instance": release},
                },
                "type": "Opaque",
                "stringData": files,
            },
            sort_keys=False,
        )
        for name, files in made.items()
    )


def write(made: Mapping[str, Files], directory: Path, mode: int) -> None:
    for name, files in made.items():
        (directory / name).mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            handle = os.open(directory / name / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(content)
            (directory / name / file).chmod(mode)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="taproot secrets", description=__doc__)
    parser.add_argument(
        "--release", default="taproot", help="name of the Helm release; starts the Secrets' names"
    )
    parser.add_argument("--namespace", default="taproot")
    parser.add_argument("--postgres", help="host:port (default: the trial server of the release)")
    parser.add_argument("--nats", help="host:port, several separated by commas (default: the trial server)")
    parser.add_argument("--smtp", default="", help="smtp URL the marketing service sends mail by")
    parser.add_argument(
        "--database-options", default="", help="end of the database URLs: sslmode=verify-full&..."
    )
    parser.add_argument("--directory", type=Path, help="write directories for Docker Compose instead")
    parser.add_argument("--mode", type=lambda text: int(text, 8), default=0o600, help="of those files, octal")
    parser.add_argument(
        "--keep", action="store_true", help="do nothing when the directory holds some already"
    )
    asked = parser.parse_args(arguments)
    if asked.keep and asked.directory and (asked.directory / "gateway").exists():
        return 0
    prefix = "" if asked.directory else f"{asked.release}-"
    places = Places(
        asked.postgres or f"{prefix}postgresql:5432",
        asked.nats or f"{prefix}nats:4222",
        asked.smtp,
        asked.database_options,
    )
    made = generate(places)
    if asked.directory:
        write(made, asked.directory, asked.mode)
    else:
        print(as_manifests(made, asked.release, asked.namespace), end="")
    return 0


def _database_url(places: Places, name: str, kind: str, passwords: Mapping[str, str]) -> str:
    login = f"{name}_{kind}"
    end = f"?{places.database_options}" if places.database_options else ""
    return f"postgresql://{login}:{passwords[login]}@{places.postgres}/taproot_{name}{end}"


def _password() -> str:
    return secrets.token_hex(16)


def _pem(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _jwk(kid: str, key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}

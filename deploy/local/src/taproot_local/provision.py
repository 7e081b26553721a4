"""One database and two logins per service, on any PostgreSQL we hold an administrator's URL of."""

from __future__ import annotations

import hashlib
import hmac
import re
import subprocess
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from taproot_local.account import binaries
from taproot_local.errors import LocalError

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
# Serialises provisioning: two sessions creating the same role at once would make one of them fail.
LOCK = "SELECT pg_advisory_lock(7270611041);"


@dataclass(frozen=True)
class Database:
    """A service's database: `owner_url` may change the schema, `app_url` may do what the migrations grant."""

    name: str
    service: str
    owner_url: str
    app_url: str

    @property
    def app_role(self) -> str:
        return f"{self.service}_app"


class Administrator:
    """Runs SQL as an administrator through psql. `secret` is what the logins' passwords are derived from."""

    def __init__(self, url: str, secret: str | None = None) -> None:
        self.url = url
        self._parts = urlsplit(url)
        self._secret = (secret or self._parts.password or "").encode()

    def run(self, script: str, database: str | None = None) -> str:
        """Feed a script to psql. Raises LocalError with the server's words."""
        parts = self._parts
        name = database or parts.path.lstrip("/") or "postgres"
        # Script and password go by stdin and environment: arguments can be read by every user of the machine.
        environment = {
            "PGPASSWORD": unquote(parts.password or ""),
            "PGOPTIONS": "-c client_min_messages=warning",
        }
        host = ["-h", parts.hostname or "127.0.0.1", "-p", str(parts.port or 5432)]
        done = subprocess.run(
            [
                binaries() / "psql",
                "-XqAt",
                "-v",
                "ON_ERROR_STOP=1",
                *host,
                "-U",
                unquote(parts.username or ""),
                name,
            ],
            input=script,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LocalError(f"PostgreSQL refused: {done.stderr.strip()}")
        return done.stdout

    def ensure(self, service: str, database: str) -> Database:
        """Create what is missing of the service's logins and database; harmless when all is there."""
        found = self.describe(service, database)
        owner, app = f"{service}_owner", f"{service}_app"
        self.run(
            f"""{LOCK}
            {self._login(owner)}
            {self._login(app)}
            {self._become(owner)}
            SELECT 'CREATE DATABASE {database} OWNER {owner} TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C'''
              WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}') \\gexec
            {self._walls(database, owner, app)}"""
        )
        return found

    def clone(self, template: Database, database: str) -> Database:
        """A copy of a finished database; nobody may be connected to the original."""
        found = self.describe(template.service, database)
        owner, app = f"{template.service}_owner", f"{template.service}_app"
        self.run(
            f"""CREATE DATABASE {database} OWNER {owner} TEMPLATE {template.name};
            {self._walls(database, owner, app)}"""
        )
        return found

    def drop(self, database: str) -> None:
        """Drop it, connected sessions or not."""
        self._check(database)
        self.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE);")

    def close_public(self) -> None:
        """No service login may look into the maintenance databases; for a server that is ours alone."""
        self.run(
            f"{LOCK} REVOKE ALL ON DATABASE postgres FROM PUBLIC; REVOKE ALL ON DATABASE template1 FROM PUBLIC;"
        )

    def describe(self, service: str, database: str) -> Database:
        self._check(service)
        self._check(database)
        return Database(
            database, service, self._login_url(service, "owner", database), self._app(service, database)
        )

    def _app(self, service: str, database: str) -> str:
        return self._login_url(service, "app", database)

    def _login_url(self, service: str, kind: str, database: str) -> str:
        login, parts = f"{service}_{kind}", self._parts
        host = f"{parts.hostname or '127.0.0.1'}:{parts.port or 5432}"
        query = f"?{parts.query}" if parts.query else ""
        return f"postgresql://{login}:{quote(self._password(login))}@{host}/{database}{query}"

    def _password(self, login: str) -> str:
        return hmac.new(self._secret, login.encode(), hashlib.sha256).hexdigest()[:32]

    def _login(self, login: str) -> str:
        return f"""SELECT 'CREATE ROLE {login}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{login}') \\gexec
            ALTER ROLE {login} LOGIN PASSWORD '{self._password(login)}';"""

    @staticmethod
    def _become(owner: str) -> str:
        """An administrator who is no superuser must be a member of a role to give it a database."""
        return f"""SELECT 'GRANT {owner} TO CURRENT_USER'
              WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \\gexec"""

    @staticmethod
    def _walls(database: str, owner: str, app: str) -> str:
        return f"""REVOKE ALL ON DATABASE {database} FROM PUBLIC;
            GRANT CONNECT ON DATABASE {database} TO {owner}, {app};"""

    @staticmethod
    def _check(name: str) -> None:
        if not NAME.fullmatch(name):
            raise ValueError(f"not a plain database name: {name!r}")

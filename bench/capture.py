"""F-sql: the statements of a create as pgbench scripts, caught from the running code, so that the floor follows it."""

from __future__ import annotations

import json
import random
import subprocess
import uuid
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import load
from google.protobuf import json_format

from taproot.customer.v1 import customer_service_pb2
from taproot_base.access import AccessDirectory
from taproot_base.auth import Principal, RoleRef
from taproot_base.clock import SystemClock
from taproot_base.context import Call, calling
from taproot_chassis import identities
from taproot_customer.customers.servicer import CustomersServicer
from taproot_customer.main import ENCODERS
from taproot_customer.settings import CustomerSettings
from taproot_local.account import binaries
from taproot_storage.database import Database
from taproot_storage.eventlog import EventLog
from taproot_storage.statements import Statement

CREATE = "/taproot.customer.v1.CustomersService/CreateCustomer"
VARIANTS = 20
# Ids grow per client, as UUIDv7 do.
KEY = "lpad(to_hex(:k::bigint), 32, '0')"
NUMBER = "lpad((:k::bigint % 100000000)::text, 8, '0')"


class Catcher:
    """Runs creates in this process and keeps what is sent to PostgreSQL."""

    def __init__(self, app_url: str) -> None:
        self._url = app_url
        self.sent: list[tuple[str, list[Any]]] = []
        self.payload = b""

    async def scripts(self) -> list[str]:
        """One pgbench script per customer, each a whole create."""
        database = await Database.open(self._url, clock=SystemClock(), log=EventLog(ENCODERS))
        try:
            call = await self._call(database)
            with calling(call):
                chooser = random.Random(7)
                return [await self._one(database, call, chooser) for _ in range(VARIANTS)]
        finally:
            await database.close()

    async def _call(self, database: Any) -> Call:
        directory = AccessDirectory()
        async with database.reading() as reader:
            directory.replace(*await identities.load(reader))
            user = await reader.connection.fetchrow("SELECT * FROM identity_users WHERE active LIMIT 1")
        role, branch = str(user["role_ids"][0]), str(user["branch_id"])
        principal = Principal(
            subject=str(user["id"]),
            kind="user",
            roles=(RoleRef(role, directory.roles[role].version),),
            branch_id=branch,
            branch_path=directory.branches[branch].path,
        )
        return Call(principal, directory, method=CREATE, permission="customers.create")

    async def _one(self, database: Any, call: Call, chooser: random.Random) -> str:
        customer = load.new_customer(chooser)
        request = customer_service_pb2.CreateCustomerRequest(request_id=uuid.uuid4().hex)
        json_format.ParseDict(customer, request.customer)
        request.customer.id = str(uuid.uuid4())
        self.sent = []
        settings = CustomerSettings.model_construct(default_region="CN", hidden_match_policy="request")
        runtime: Any = SimpleNamespace(database=database, settings=settings, page_key=b"k" * 32)
        servicer = CustomersServicer(runtime)
        original = Statement.arguments  # all statements pass here

        def arguments(statement: Statement, values: dict[str, Any]) -> list[Any]:
            found = original(statement, values)
            self.sent.append((statement.text, found))
            return found

        with mock.patch.object(Statement, "arguments", arguments):
            await servicer.CreateCustomer(request, None)
        fixed = {call.principal.subject, call.principal.branch_id}
        return self._script(request, customer, fixed)

    def _script(self, request: Any, customer: dict[str, Any], fixed: set[str | None]) -> str:
        phone, email = (one["value"] for one in customer["identifiers"])
        varied = {
            request.request_id: f"({KEY})",
            request.customer.id: f"({KEY})",
            f"+86{phone}": f"('+86139' || {NUMBER})",
            email: f"('p' || {KEY} || '@example.com')",
        }
        lines = ["\\set i :i + 1", "\\set k :base + :client_id * 10000000 + :i", "BEGIN;"]
        lines.append("SELECT pg_advisory_xact_lock(:k::bigint), pg_advisory_xact_lock(:k::bigint + 1);")
        for text, values in self.sent:
            sql = text
            for number in range(len(values), 0, -1):
                sql = sql.replace(f"${number}::", f"{_literal(values[number - 1], varied, fixed)}::")
                sql = sql.replace(f"${number}", _literal(values[number - 1], varied, fixed))
            lines.append(" ".join(sql.split()) + ";")
            self.payload = next((v for v in values if isinstance(v, bytes) and len(v) > 64), self.payload)
        return "\n".join([*lines, "COMMIT;", ""])


def _literal(value: Any, varied: dict[str, str], fixed: set[str | None]) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, datetime):
        return "now()"
    if isinstance(value, list | tuple):
        return f"ARRAY[{', '.join(_literal(one, varied, fixed) for one in value)}]" if value else "'{}'"
    text = str(value)
    if text in varied:
        return varied[text]
    if isinstance(value, uuid.UUID) and text not in fixed:
        return "gen_random_uuid()"
    quoted = (
        text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
    )  # pgbench takes `:name` for its own
    return f"E'{quoted}'"


def pgbench(
    url: str, scripts: list[Path], seconds: float, clients: int, *, base: int = 0, rate: float = 0.0
) -> dict[str, Any]:
    """Transactions per second of the scripts, prepared statements, one connection per client."""
    files = [part for path in scripts for part in ("-f", str(path))]
    command = [str(binaries() / "pgbench"), url, "-n", "-M", "prepared", "-c", str(clients), "-j", "2"]
    command += ["-T", str(int(seconds)), "-D", f"base={base}", "-D", "i=0", *files]
    command += ["-R", str(rate)] if rate else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.startswith("tps")]
    if done.returncode or not found:
        raise RuntimeError(f"pgbench on {urlsplit(url).path}: {done.stderr[-1500:]}")
    return {"rate": round(float(found[0].split()[2]), 1)}


def save(directory: Path, scripts: list[str]) -> list[Path]:
    directory.mkdir(exist_ok=True)
    paths = [directory / f"{number}.sql" for number in range(len(scripts))]
    for path, script in zip(paths, scripts, strict=True):
        path.write_text(script)
    return paths


def dumps(found: Any) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False)

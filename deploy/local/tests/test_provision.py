from __future__ import annotations

import asyncpg
import pytest

from taproot_local.errors import LocalError
from taproot_local.provision import Administrator, Database
from taproot_local.testing import TestPostgres


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def elsewhere(url: str, database: str) -> str:
    return f"{url.rpartition('/')[0]}/{database}"


@pytest.fixture
def sales(shared: TestPostgres) -> Database:
    return shared.create_database("sales")


@pytest.fixture
def marketing(shared: TestPostgres) -> Database:
    return shared.create_database("marketing")


class TestWalls:
    @pytest.mark.parametrize("kind", ["owner_url", "app_url"])
    async def test_no_login_may_enter_another_services_database(
        self, sales: Database, marketing: Database, kind: str
    ) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await asyncpg.connect(elsewhere(getattr(sales, kind), marketing.name))

    @pytest.mark.parametrize("database", ["postgres", "template1"])
    async def test_nor_the_maintenance_databases(self, sales: Database, database: str) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await asyncpg.connect(elsewhere(sales.app_url, database))

    async def test_a_copy_has_the_same_walls(self, shared: TestPostgres, sales: Database) -> None:
        copy = shared.create_database("marketing", shared.template("marketing", lambda _: None, "walls"))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(elsewhere(sales.owner_url, copy.name))


class TestRights:
    async def test_the_owner_changes_the_schema(self, sales: Database) -> None:
        await execute(sales.owner_url, "CREATE TABLE leads (id int)")

    async def test_the_app_does_not(self, sales: Database) -> None:
        for statement in (
            "CREATE TABLE leads (id int)",
            "CREATE SCHEMA own",
            "CREATE TEMPORARY TABLE t (id int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await execute(sales.app_url, statement)

    async def test_the_app_reads_only_what_migrations_grant(self, sales: Database) -> None:
        await execute(sales.owner_url, "CREATE TABLE leads (id int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(sales.app_url, "SELECT * FROM leads")
        await execute(sales.owner_url, f"GRANT SELECT ON leads TO {sales.app_role}")
        await execute(sales.app_url, "SELECT * FROM leads")

    async def test_neither_login_may_make_roles_or_databases(self, sales: Database) -> None:
        for statement in ("CREATE ROLE intruder", "CREATE DATABASE intruder"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await execute(sales.owner_url, statement)


class TestEnsure:
    async def test_twice_is_once(self, shared: TestPostgres, sales: Database) -> None:
        await execute(sales.owner_url, "CREATE TABLE kept (id int)")
        assert shared.administrator.ensure("sales", sales.name) == sales
        await execute(sales.owner_url, "SELECT * FROM kept")

    def test_works_for_an_administrator_who_is_no_superuser(self, shared: TestPostgres) -> None:
        name = shared.create_database("helper").name
        shared.administrator.run(
            f"DROP ROLE IF EXISTS limited_{name}; CREATE ROLE limited_{name} LOGIN CREATEDB CREATEROLE PASSWORD 'p';"
            f"GRANT CONNECT ON DATABASE {name} TO limited_{name};"
        )
        host = shared.admin_url.rpartition("@")[2].partition("/")[0]
        limited = Administrator(f"postgresql://limited_{name}:p@{host}/{name}")
        found = limited.ensure("tiny", f"tiny_{name}")
        assert found.owner_url.startswith("postgresql://tiny_owner:")
        shared.drop_database(found)

    @pytest.mark.parametrize("name", ["Sales", "sa-les", "sales; DROP", "", "1sales"])
    def test_odd_names_are_refused(self, shared: TestPostgres, name: str) -> None:
        with pytest.raises(ValueError, match="not a plain database name"):
            shared.administrator.ensure("sales", name)

    def test_the_servers_words_come_back(self, shared: TestPostgres) -> None:
        with pytest.raises(LocalError, match='relation "nothing" does not exist'):
            shared.administrator.run("SELECT * FROM nothing;")

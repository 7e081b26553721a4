from __future__ import annotations

import os
import socket
from pathlib import Path

import asyncpg
import pytest

from taproot_local.errors import LocalError
from taproot_local.postgres import Postgres
from taproot_local.provision import Administrator


async def rows(server: Postgres) -> list[int]:
    connection = await asyncpg.connect(server.admin_url)
    try:
        return [record["n"] for record in await connection.fetch("SELECT n FROM kept ORDER BY n")]
    finally:
        await connection.close()


def keep(server: Postgres, number: int) -> None:
    Administrator(server.admin_url).run(
        f"CREATE TABLE IF NOT EXISTS kept (n int); INSERT INTO kept VALUES ({number});"
    )


class TestLife:
    async def test_data_and_port_survive_a_restart(self, postgres: Postgres) -> None:
        keep(postgres, 1)
        url = postgres.admin_url
        postgres.stop()
        assert not postgres.running
        postgres.start()
        assert postgres.admin_url == url
        assert await rows(postgres) == [1]

    async def test_committed_rows_survive_kill_9(self, postgres: Postgres) -> None:
        keep(postgres, 1)
        postgres.kill()
        assert not postgres.running
        postgres.start()
        assert await rows(postgres) == [1]

    async def test_a_second_object_takes_over_what_was_left_running(self, postgres: Postgres) -> None:
        keep(postgres, 1)
        before = postgres.pid
        another = Postgres(postgres.directory, durable=False)
        another.start()
        assert another.pid != before
        assert await rows(another) == [1]

    def test_a_pid_file_with_the_number_of_another_process_is_no_obstacle(self, postgres: Postgres) -> None:
        postgres.kill()
        pid_file = postgres.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        postgres.start()
        assert postgres.running

    def test_an_interrupted_creation_is_begun_again(self, scratch: Path) -> None:
        half = scratch / "postgres" / "data.new"
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18\n")
        server = Postgres(scratch / "postgres", durable=False)
        server.start()
        assert server.running
        server.destroy()

    def test_destroy_leaves_nothing(self, scratch: Path) -> None:
        server = Postgres(scratch / "postgres", durable=False)
        server.start()
        pid = server.pid
        server.destroy()
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert not (scratch / "postgres").exists()


class TestSettings:
    async def test_durable_is_the_default(self, scratch: Path) -> None:
        server = Postgres(scratch / "postgres")
        server.start()
        ask = Administrator(server.admin_url).run
        assert [
            ask(f"SHOW {name};").strip() for name in ("fsync", "synchronous_commit", "full_page_writes")
        ] == ["on"] * 3
        assert ask("SELECT datcollate FROM pg_database;").split() == ["C"] * 3
        assert ask("SHOW server_encoding;").strip() == "UTF8"
        server.destroy()

    async def test_no_login_without_the_password(self, postgres: Postgres) -> None:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(postgres.admin_url, password="guessed")

    def test_only_the_loopback_interface(self, postgres: Postgres) -> None:
        assert Administrator(postgres.admin_url).run("SHOW listen_addresses;").strip() == "127.0.0.1"


class TestSentences:
    def test_port_taken(self, scratch: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = holder.getsockname()[1]
            with pytest.raises(
                LocalError, match=rf"Port {port} for PostgreSQL is already in use by .+ \(pid {os.getpid()}\)"
            ):
                Postgres(scratch / "postgres", port=port, durable=False).start()

    def test_data_of_another_version(self, postgres: Postgres) -> None:
        postgres.stop()
        (postgres.data / "PG_VERSION").write_text("17\n")
        with pytest.raises(LocalError, match="was made by PostgreSQL 17, this is 18"):
            postgres.start()

    def test_the_servers_own_reason_is_passed_on(self, postgres: Postgres) -> None:
        postgres.stop()
        (postgres.data / "postgresql.conf").write_text("shared_buffers = 'lots'\n")
        with pytest.raises(LocalError, match=r"could not start: .*(shared_buffers|configuration file)"):
            postgres.start()

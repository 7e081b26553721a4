from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import nats as client
import psutil
import pytest

from taproot_local import nats as subject
from taproot_local.errors import LocalError
from taproot_local.nats import Nats
from taproot_local.processes import Daemon


async def publish(url: str, count: int) -> None:
    connection = await client.connect(url)
    stream = connection.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept.>"])
    for number in range(count):
        await stream.publish("kept.one", str(number).encode())
    await connection.close()


async def count(url: str) -> int:
    connection = await client.connect(url)
    found = (await connection.jetstream().stream_info("KEPT")).state.messages
    await connection.close()
    return found


class TestLife:
    async def test_acknowledged_messages_survive_kill_9(self, nats: Nats) -> None:
        await publish(nats.url, 20)
        nats.kill()
        assert not nats.running
        nats.start()
        assert await count(nats.url) == 20

    async def test_address_and_messages_survive_a_restart(self, nats: Nats) -> None:
        url = nats.url
        await publish(url, 3)
        nats.stop()
        nats.start()
        assert nats.url == url
        assert await count(url) == 3

    async def test_a_second_object_takes_over_what_was_left_running(self, nats: Nats) -> None:
        before = nats.pid
        another = Nats(nats.directory)
        another.start()
        assert another.pid != before
        another.stop()

    async def test_needs_the_password(self, nats: Nats) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", nats.port)
        writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
        answer = await reader.read(100_000)
        while b"\r\n-ERR" not in answer and (more := await reader.read(100_000)):
            answer += more
        assert b"Authorization Violation" in answer
        assert b"PONG" not in answer
        writer.close()

    def test_every_write_reaches_the_disk_unless_told_otherwise(self, nats: Nats, scratch: Path) -> None:
        assert "sync_interval: always" in (nats.directory / "nats.conf").read_text()
        quick = Nats(scratch / "quick", durable=False)
        quick.start()
        assert "sync_interval: 2m" in (quick.directory / "nats.conf").read_text()
        quick.destroy()


class TestSentences:
    def test_port_taken(self, scratch: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = holder.getsockname()[1]
            with pytest.raises(
                LocalError,
                match=rf"Port {port} for nats-server is already in use by .+ \(pid {os.getpid()}\)",
            ):
                Nats(scratch / "nats", port=port).start()

    def test_the_servers_own_reason_is_passed_on(self, scratch: Path) -> None:
        (scratch / "nats").mkdir()
        (scratch / "nats" / "data").write_text("a file where a directory belongs")
        with pytest.raises(LocalError, match=r"nats-server could not start: .*(not a directory|data)"):
            Nats(scratch / "nats").start()


class TestFullDisk:
    async def test_after_a_full_disk_it_needs_a_restart(self, nats: Nats) -> None:
        await publish(nats.url, 3)
        assert not nats.stuck
        with nats.log.open("a") as log:
            log.write("[ERR] JetStream failed to store a msg on stream: no space left on device\n")
        assert nats.stuck
        nats.start()
        assert not nats.stuck
        assert await count(nats.url) == 3

    async def test_it_is_left_alone_while_the_disk_is_full(
        self, nats: Nats, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with nats.log.open("a") as log:
            log.write("[ERR] no space left on device\n")
        monkeypatch.setattr(subject, "ROOM_BYTES", 1 << 60)
        assert not nats.stuck


def test_what_cannot_be_noted_is_not_left_running(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        daemon.spawn(["/bin/sleep", "60"], tmp_path / "log", environment={})
    left = [one for one in psutil.Process().children() if one.name() == "sleep"]
    assert left == []

from __future__ import annotations

import errno
import shutil
import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from taproot_local import cli
from taproot_local.commands import COMMANDS, Command
from taproot_local.errors import LocalError
from taproot_local.home import Home, repository


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    found.prepare()
    return found


def test_the_environment_chooses_the_directory(tmp_path: Path) -> None:
    assert Home.current({"TAPROOT_HOME": str(tmp_path)}).root == tmp_path
    assert Home.current({}).root == repository() / ".taproot"
    assert (repository() / "Makefile").exists()


def test_one_instance_per_directory(home: Home) -> None:
    home.take()
    assert home.taken()
    with pytest.raises(LocalError, match="Taproot is already running from"):
        Home(home.root).take()
    home.release()
    Home(home.root).take()


def test_a_full_disk_is_said_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9, 10**6))
    with pytest.raises(LocalError, match="is full: 1 MB free"):
        home.prepare()


def test_ports_are_remembered_while_free(home: Home) -> None:
    first = home.ports(("a", "b"), frozenset())
    assert home.ports(("a", "b"), frozenset()) == first
    with socket.create_server(("127.0.0.1", first["a"])):
        second = home.ports(("a", "b"), frozenset())
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]


def test_others_cannot_read_what_is_private(home: Home) -> None:
    home.write_state({"nats_url": "nats://secret"})
    assert home.state_file.stat().st_mode & 0o077 == 0
    assert home.logs.stat().st_mode & 0o077 == 0
    assert home.state() == {"nats_url": "nats://secret"}


class TestCommandLine:
    def test_unknown_commands_are_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["fly"]) == 2
        assert "no command 'fly'" in capsys.readouterr().err

    def test_help_lists_every_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main([]) == 0
        out = capsys.readouterr().out
        assert all(command.help in out for command in COMMANDS.values())

    def test_every_command_can_be_loaded(self) -> None:
        import importlib

        for command in COMMANDS.values():
            module, _, name = command.target.partition(":")
            assert callable(getattr(importlib.import_module(module), name))

    def test_a_full_disk_is_one_sentence(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(COMMANDS, "fill", Command(f"{__name__}:_fill", ""))
        monkeypatch.setattr(cli, "_load", lambda _target, _rest: _fill())
        assert cli.main(["fill"]) == 1
        assert capsys.readouterr().err == "taproot: the disk is full (/data/file).\n"

    def test_status_and_down_of_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("TAPROOT_HOME", str(tmp_path / "nothing"))
        assert cli.main(["status"]) == 3
        assert cli.main(["down"]) == 0
        assert capsys.readouterr().out.count("Taproot is not running") == 2
        assert not (tmp_path / "nothing").exists()


def _fill() -> int:
    raise OSError(errno.ENOSPC, "No space left on device", "/data/file")

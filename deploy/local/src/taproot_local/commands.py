"""The subcommands of `taproot`. Adding one is one line here; its function takes the arguments after the name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """`target` is `module:function`, loaded only when called: `(list[str]) -> int`, the exit code."""

    target: str
    help: str


COMMANDS = {
    "up": Command("taproot_local.lifecycle:up", "start everything and keep it running (Ctrl-C stops it)"),
    "down": Command("taproot_local.lifecycle:down", "stop what is running"),
    "status": Command("taproot_local.lifecycle:status", "what is running, and where"),
    "seed": Command(
        "taproot_local.demo.seeding:main", "load the demo data: an enterprise with two years of history"
    ),
    "demo": Command(
        "taproot_local.demo.playing:main", "play the life of a new customer and show what became of it"
    ),
    "import": Command("taproot_local.imports.running:main", "load files of another system as a recipe says"),
    "pack": Command(
        "taproot_local.packs.commands:main", "fields and types of a line of business: list, preview, apply"
    ),
    "service": Command(
        "taproot_local.tending:main", "an operator's command of one service: its dead letters, a rebuild"
    ),
    "audit": Command("taproot_local.tending:audit", "of every service: is its audit as it was sealed?"),
    "doctor": Command("taproot_local.doctor.command:main", "what is wrong with the installation, in words"),
    "backup": Command("taproot_local.backups.commands:backup", "write a backup of everything at one point"),
    "restore": Command(
        "taproot_local.backups.commands:restored", "read a backup into an empty installation that is stopped"
    ),
    "privacy": Command("taproot_local.privacy:main", "verify the receipt of an erasure"),
    "trace": Command("taproot_local.trace:main", "the traces of a customer id, or one trace, as a tree"),
}

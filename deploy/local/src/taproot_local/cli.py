"""The `taproot` command."""

from __future__ import annotations

import errno
import importlib
import sys

from taproot_local.commands import COMMANDS
from taproot_local.errors import LocalError


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; expected failures become one sentence on stderr and exit code 1."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in {"-h", "--help", "help"}:
        print(usage())
        return 0
    if name not in COMMANDS:
        print(f"taproot: there is no command {name!r}\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        return _load(COMMANDS[name].target, rest)
    except LocalError as error:
        print(f"taproot: {error}", file=sys.stderr)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"taproot: the disk is full ({error.filename or 'no file named'}).", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.help}" for name, command in COMMANDS.items()]
    return "\n".join(
        ["usage: taproot COMMAND [OPTIONS]", "", *lines, "", "`taproot COMMAND --help` tells more."]
    )


def _load(target: str, arguments: list[str]) -> int:
    module, _, function = target.partition(":")
    return int(getattr(importlib.import_module(module), function)(arguments))

"""A small file system for the whole suite, so that it can be filled to the last byte. Needs the right to mount."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = "1536m"
_PIECE = 1 << 20


class Disk:
    def __init__(self, directory: Path, *, small: bool) -> None:
        self.directory = directory
        self.small = small
        """Whether it is one of its own; the machine's is never filled."""
        self._ballast = directory / "ballast"

    def fill(self) -> None:
        """Nothing more can be written, of anything, by anybody. May be asked for again while it lasts."""
        if not self.small:
            raise OSError("no file system of its own could be mounted")
        with self._ballast.open("ab") as file:
            for piece in (_PIECE, 4096):
                try:
                    while True:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, piece)
                except OSError:
                    continue

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def disk_of_its_own(directory: Path) -> Iterator[Disk]:
    """`directory` on a tmpfs where this may be done, else as it is."""
    mode = directory.stat().st_mode & 0o777
    mounted = _mounted(directory, f"size={SIZE},mode={mode:o}")
    try:
        yield Disk(directory, small=mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(directory)], check=False)


def _mounted(directory: Path, options: str) -> bool:
    if shutil.which("mount") is None or os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", options, "taproot-chaos", str(directory)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0

"""Clocks that jump: how far each service's clock is off, in a file that its process has mapped (`hooks/shifting.py`)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path


class Clocks:
    def __init__(self, directory: Path, services: Iterable[str]) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        for service in services:
            (directory / service).write_bytes(struct.pack("d", 0.0))

    def shift(self, service: str, seconds: float) -> None:
        with (self.directory / service).open("r+b") as file:
            file.write(struct.pack("d", seconds))

    def heal(self) -> None:
        for file in self.directory.iterdir():
            self.shift(file.name, 0.0)

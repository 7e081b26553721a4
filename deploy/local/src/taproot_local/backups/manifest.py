"""What a backup consists of, with checksums: a damaged one is found before anything is touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from taproot_local.errors import LocalError
from taproot_local.processes import write_atomically

NAME = "manifest.json"
FORMAT = 1
READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """`point`: the instant the backup is of; `replay_from`: events since then are announced again when restored."""

    format: int
    point: str
    replay_from: str
    paused_seconds: float
    databases: Mapping[str, str]
    """Service -> the version of its schema."""
    files: Mapping[str, str]
    """Path in the backup -> SHA-256."""

    def write(self, directory: Path) -> None:
        """Last of all files: a backup without it was cut off."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        seal = hashlib.sha256(text.encode()).hexdigest()
        write_atomically(directory / NAME, json.dumps({"sha256": seal, "manifest": text}))

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Checks every file. Raises LocalError, saying what is wrong."""
        found = cls._load(directory)
        if found.format != FORMAT:
            raise LocalError(f"The backup has format {found.format}, this release reads {FORMAT}.")
        for name, wanted in sorted(found.files.items()):
            if not (directory / name).is_file():
                raise LocalError(
                    f"The backup is damaged: {directory / name} is missing. Nothing was changed."
                )
            if checksum(directory / name) != wanted:
                raise LocalError(
                    f"The backup is damaged: {directory / name} is not what was written. Nothing was changed."
                )
        return found

    @classmethod
    def _load(cls, directory: Path) -> Manifest:
        try:
            sealed = json.loads((directory / NAME).read_text())
            text = sealed["manifest"]
            if hashlib.sha256(text.encode()).hexdigest() != sealed["sha256"]:
                raise LocalError(
                    f"The backup is damaged: {directory / NAME} was changed. Nothing was changed here."
                )
            return cls(**json.loads(text))
        except FileNotFoundError:
            raise LocalError(
                f"{directory} holds no finished backup: {NAME} is missing, which is written last."
            ) from None
        except (KeyError, TypeError, ValueError):
            raise LocalError(f"The backup is damaged: {directory / NAME} cannot be read.") from None


def checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while part := stream.read(READ_BYTES):
            digest.update(part)
    return digest.hexdigest()


def checksums(directory: Path) -> dict[str, str]:
    """Of all files below."""
    return {
        str(path.relative_to(directory)): checksum(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }

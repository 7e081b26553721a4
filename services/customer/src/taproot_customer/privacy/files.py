"""Files that name a person, found by what is in them."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import phonenumbers

from taproot_base.blobs import BlobStore
from taproot_customer.exports.files import part_key
from taproot_records.privacy.holdings import Person

_SHORTEST_NUMBER = 7
PIECE = 256 * 1024
_SEPARATORS = b" ()./-"
_ZIP = b"PK\x03\x04"


def ways_to_write(number: str) -> set[str]:
    """The digits of a telephone number: international, and as at home with and without the trunk prefix."""
    digits = re.sub("[^0-9]", "", number)
    if not digits:
        return set()
    try:
        parsed = phonenumbers.parse(number if number.startswith("+") else f"+{digits}")
    except phonenumbers.NumberParseException:
        return {digits}
    national = phonenumbers.national_significant_number(parsed)
    return {
        digits,
        national,
        f"0{national}",
        f"00{parsed.country_code}{national}",
        f"{parsed.country_code}{national}",
    }


async def says(store: BlobStore, key: str, person: Person) -> bool:
    """Whether the file, if it is still there, names the person."""
    return await _say(store, [key], person)


async def parts_with(
    store: BlobStore, key: uuid.UUID, count: int, person: Person, *, sure: bool
) -> list[str]:
    """All parts of an export that names the person; none when it does not."""
    keys = [part_key(key, part) for part in range(count)]
    return keys if sure or await _say(store, keys, person) else []


async def _say(store: BlobStore, keys: Sequence[str], person: Person) -> bool:
    """A file may be larger than memory: it is fetched to disk and read piece by piece."""
    with tempfile.TemporaryDirectory(prefix="person-") as folder:
        whole, part = Path(folder) / "whole", Path(folder) / "part"
        try:
            for key in keys:
                await store.save(key, part)
                await asyncio.to_thread(_add, part, whole)
        except FileNotFoundError:
            return False  # deleted by a step before this one
        return await asyncio.to_thread(names, whole, person)


def _add(part: Path, whole: Path) -> None:
    if not whole.exists():
        part.replace(whole)
        return
    with part.open("rb") as source, whole.open("ab") as out:
        shutil.copyfileobj(source, out, PIECE)


def names(path: Path, person: Person) -> bool:
    """Whether a file, a workbook too, holds the id, an address or a number of the person."""
    search = _Search(person)
    return any(search.meets(piece) for piece in _pieces(path))


class _Search:
    """Reads a text in pieces; what lies across two of them is found too."""

    def __init__(self, person: Person) -> None:
        self._words = [word.encode() for word in (*map(str, person.party_ids), *person.emails)]
        self._numbers = [number.encode() for number in person.phones if len(number) >= _SHORTEST_NUMBER]
        self._longest_word = max(map(len, self._words), default=0)
        self._longest_number = max(map(len, self._numbers), default=0)
        self._text = self._digits = b""

    def meets(self, piece: bytes) -> bool:
        text = self._text + piece.lower()
        # Digits are neighbours when there is nothing but separators between them.
        digits = self._digits + piece.translate(None, _SEPARATORS)
        self._text = text[-self._longest_word :] if self._words else b""
        self._digits = digits[-self._longest_number :] if self._numbers else b""
        return any(word in text for word in self._words) or any(one in digits for one in self._numbers)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        zipped = file.read(len(_ZIP)) == _ZIP
        file.seek(0)
        if not zipped:
            yield from _read(file)
            return
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    yield from _read(member)
                yield b"\n"


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece

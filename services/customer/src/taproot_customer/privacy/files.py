"""Files that name a person, found by what is in them."""

from __future__ import annotations

import asyncio
import io
import re
import uuid
import zipfile
from typing import Any

import phonenumbers

from taproot_customer.exports.handlers import part_key
from taproot_records.privacy.holdings import Person

_SHORTEST_NUMBER = 7


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


async def says(store: Any, key: str, person: Person) -> bool:
    """Whether the file, if it is still there, names the person."""
    try:
        content = await store.get(key)
    except FileNotFoundError:
        return False
    return await asyncio.to_thread(names, content, person)


async def parts_with(store: Any, key: uuid.UUID, count: int, person: Person, *, sure: bool) -> list[str]:
    """All parts of an export that names the person; none when it does not."""
    keys = [part_key(key, part) for part in range(count)]
    if sure:
        return keys
    try:
        content = b"".join([await store.get(one) for one in keys])
    except FileNotFoundError:
        return []  # deleted by a step before this one
    return keys if await asyncio.to_thread(names, content, person) else []


def names(content: bytes, person: Person) -> bool:
    """Whether a file, a workbook too, holds the id, an address or a number of the person."""
    text = _unpacked(content).lower()
    words = [*map(str, person.party_ids), *person.emails]
    if any(word.encode() in text for word in words):
        return True
    numbers = [number for number in person.phones if len(number) >= _SHORTEST_NUMBER]
    compact = re.sub(rb"(?<=[0-9])[ ()./-]+(?=[0-9])", b"", text)
    return any(number.encode() in compact for number in numbers)


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(b"PK\x03\x04"):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())

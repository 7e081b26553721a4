"""Files are searched for a person piece by piece, whatever lies across two pieces, in little memory."""

from __future__ import annotations

import re
import tracemalloc
import uuid
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taproot_base.blobs import DirectoryBlobStore
from taproot_customer.privacy import files
from taproot_records.privacy.holdings import Person

KEY = uuid.UUID(int=7)
EMAIL, NUMBER = "arthur@dent.example", "13912345678"
PERSON = Person(frozenset([KEY]), emails=frozenset([EMAIL]), phones=frozenset([NUMBER, "42"]))
MEGABYTE = 1024 * 1024
FILE_BYTES, MEMORY_BYTES = 50 * MEGABYTE, 10 * MEGABYTE


def in_whole(content: bytes) -> bool:
    """The same question asked of all the text at once."""
    text = content.lower()
    compact = re.sub(rb"(?<=[0-9])[ ()./-]+(?=[0-9])", b"", text)
    return str(KEY).encode() in text or EMAIL.encode() in text or NUMBER.encode() in compact


PARTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                EMAIL,
                EMAIL.upper(),
                str(KEY),
                NUMBER,
                "139 1234 5678",
                "(139)-1234.5678",
                "139",
                "1234",
                "5678",
            ]
        ),
        st.sampled_from(["arthur@", "dent.example", " ", "-" * 70, " / ", "\n", "x", "9"]),
    )
)


@given(PARTS, st.integers(1, 90))
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_find_what_the_whole_holds(tmp_path, parts, size):
    content = "".join(parts).encode()
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "PIECE", size)
        assert files.names(path, PERSON) == in_whole(content)


@pytest.mark.parametrize("zipped", [False, True], ids=["text", "workbook"])
async def test_a_large_file_is_searched_in_little_memory(tmp_path, zipped):
    store, path = DirectoryBlobStore(tmp_path / "blobs"), tmp_path / "file"
    line = b"Ford Prefect,+86 138 0000 0000,ford@betelgeuse.example,some words of a note\n"
    block = line * (MEGABYTE // len(line))
    with path.open("wb") as out:
        if zipped:
            with zipfile.ZipFile(out, "w") as archive, archive.open("sheet1.xml", "w") as sheet:
                _fill(sheet, block)
        else:
            _fill(out, block)
    await store.add("imports/large", path)
    tracemalloc.start()
    try:
        assert await files.says(store, "imports/large", PERSON)
        stranger = Person(emails=frozenset(["zaphod@beeblebrox.example"]))
        assert not await files.says(store, "imports/large", stranger)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > FILE_BYTES
    assert peak < MEMORY_BYTES


def _fill(out, block: bytes) -> None:
    for _ in range(FILE_BYTES // len(block) + 1):
        out.write(block)
    out.write(f"Arthur Dent,(139) 1234-5678,{EMAIL}\n".encode())


async def test_an_export_is_searched_across_its_parts(tmp_path):
    store, key = DirectoryBlobStore(tmp_path), uuid.uuid4()
    content = f"name,email\nArthur,{EMAIL}\n".encode()
    parts = [f"exports/{key}-{number}" for number in range(2)]
    for part, piece in zip(parts, (content[:20], content[20:]), strict=True):
        await store.put(part, piece)
    assert await files.parts_with(store, key, 2, PERSON, sure=False) == parts
    stranger = Person(phones=frozenset(["13800000000"]))
    assert await files.parts_with(store, key, 2, stranger, sure=False) == []
    assert await files.parts_with(store, key, 2, stranger, sure=True) == parts
    await store.delete(parts[1])
    assert await files.parts_with(store, key, 2, PERSON, sure=False) == []


async def test_a_file_that_is_gone_names_nobody(tmp_path):
    assert not await files.says(DirectoryBlobStore(tmp_path), "imports/gone", PERSON)

"""A full disk is no defect and leaves no halves behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from taproot_base.blobs import DirectoryBlobStore
from taproot_base.errors import out_of_room


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_blob_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryBlobStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space") as refused:
            await store.put("a/b", b"x" * 1000)
    assert out_of_room(refused.value) is not None
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []
    await store.put("a/b", b"x")
    assert await store.get("a/b") == b"x"


def test_other_failures_are_defects() -> None:
    assert out_of_room(FileNotFoundError(errno.ENOENT, "gone")) is None
    assert out_of_room(ValueError()) is None

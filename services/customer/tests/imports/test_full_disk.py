"""A disk without room is told to the caller as something that passes."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1 import import_service_pb2 as rpc
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub
from taproot_base.blobs import DirectoryBlobStore
from taproot_base.errors import AppError, Kind


async def test_an_upload_onto_a_full_disk_can_be_repeated(
    service: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    stub = service.stub(ImportsServiceStub, admin)
    made = pb.Import(file_name="a.csv", content=b"Name\nAnna\n")
    asked = rpc.CreateImportRequest(**{"import": made}, request_id="full-disk")
    with monkeypatch.context() as patch:
        patch.setattr(DirectoryBlobStore, "add", full)
        with pytest.raises(AppError) as refused:
            await stub.CreateImport(asked)
    assert refused.value.kind is Kind.UNAVAILABLE
    assert (await stub.CreateImport(asked)).file_name == "a.csv"

"""gRPC of imports: parse, hand over, answer."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.longrunning.operations_proto_pb2 import Operation

from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1 import import_service_pb2 as rpc
from taproot_base import wire
from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument
from taproot_chassis import operations
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.computing import WorkerPool
from taproot_customer.imports import handlers, messages, queries
from taproot_customer.imports.converting import as_table
from taproot_customer.imports.files import new_file_key
from taproot_customer.imports.handlers import CreateImport
from taproot_customer.imports.model import Import, NoTextTable
from taproot_customer.imports.parsing import NoTable, Preview, look_at, rejects_csv
from taproot_customer.reading import listed, read_one
from taproot_customer.settings import CustomerSettings
from taproot_customer.uploads.handlers import key_of
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists
from taproot_storage.updates import changed_fields

SERVICE = "customer"
REJECTS_PAGE = 5000


class ImportsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings], pool: WorkerPool) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)
        self._blobs = runtime.blobs
        self._pool = pool

    async def GetImport(self, request: rpc.GetImportRequest, _context: Any) -> pb.Import:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListImports(self, request: rpc.ListImportsRequest, _context: Any) -> rpc.ListImportsResponse:
        async def query(reader: Reader) -> rpc.ListImportsResponse:
            page = await self._lists.page(reader, queries.RESOURCE, listed(Import), Import, request)
            found = [messages.to_message(row) for row in page.rows]
            return rpc.ListImportsResponse(imports=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def CreateImport(self, request: rpc.CreateImportRequest, _context: Any) -> pb.Import:
        message = getattr(request, "import")
        key = new_file_key()
        with _scratch() as path:
            await self._fetch(message, path)
            await self._to_text(path)
            preview, size = await self._look(path, message), path.stat().st_size
            await self._blobs.add(key, path)
        values = {
            "display_name": message.display_name or message.file_name or "import",
            "file_name": message.file_name,
            "blob_key": key,
            "dialect": messages.dialect_values(preview),
            "columns": messages.column_values(preview, message.columns),
            "options": messages.option_values(message.options),
            "size_bytes": size,
        }
        owner, branch = wire.optional_uuid(message.owner_id), wire.optional_uuid(message.branch_id)
        if message.template_id:
            async with self.database.reading() as reader:
                template = await read_one(reader, Import, uuid.UUID(message.template_id))
            values["columns"] = messages.columns_like(template["columns"], values["columns"])
            values["options"] = template["options"]
        command = CreateImport(wire.optional_uuid(message.id), values, owner, branch)

        async def act(work: UnitOfWork) -> pb.Import:
            return messages.to_message(await handlers.create_import(command, work))

        return await self.once(request, act, self._read)

    async def UpdateImport(self, request: rpc.UpdateImportRequest, _context: Any) -> pb.Import:
        message = getattr(request, "import")
        names = changed_fields(
            message, request.update_mask, ("display_name", "options", "dialect", "columns")
        )
        key = uuid.UUID(message.id)
        values: dict[str, Any] = {}
        if "display_name" in names:
            values["display_name"] = message.display_name
        if "options" in names:
            values["options"] = messages.option_values(message.options)
        if {"dialect", "columns"} & set(names):
            async with self.database.reading() as reader:
                stored = await read_one(reader, Import, key)
            given = message if "dialect" in names else messages.to_message(stored)
            with _scratch() as path:
                await self._blobs.save(stored["blob_key"], path)
                preview = await self._look(path, given)
            columns = message.columns if "columns" in names else ()
            values["dialect"] = messages.dialect_values(preview)
            values["columns"] = messages.column_values(preview, columns)

        async def act(work: UnitOfWork) -> pb.Import:
            return messages.to_message(await handlers.update_import(key, message.etag, values, work))

        return await self.once(request, act, self._read)

    async def DeleteImport(self, request: rpc.DeleteImportRequest, _context: Any) -> pb.Import:
        key = uuid.UUID(request.id)
        async with self.database.unit() as work:
            found = await handlers.delete_import(key, request.etag, work)
            blob, answer = found.blob_key, messages.to_message(found)
        await self._blobs.delete(blob)
        return answer

    async def ValidateImport(self, request: rpc.ValidateImportRequest, _context: Any) -> Operation:
        return await self._start(request, "", dry=True)

    async def StartImport(self, request: rpc.StartImportRequest, _context: Any) -> Operation:
        return await self._start(request, request.etag, dry=False)

    async def UndoImport(self, request: rpc.UndoImportRequest, _context: Any) -> Operation:
        async def begin(work: UnitOfWork) -> uuid.UUID:
            return await handlers.start_undo(uuid.UUID(request.id), request.etag, work)

        return await self._begin(request, begin)

    async def ListImportChanges(
        self, request: rpc.ListImportChangesRequest, _context: Any
    ) -> rpc.ListImportChangesResponse:
        async def query(reader: Reader) -> rpc.ListImportChangesResponse:
            page = await queries.list_changes(reader, uuid.UUID(request.import_id), request, self._lists)
            shown = [messages.to_change(row) for row in page.rows]
            return rpc.ListImportChangesResponse(import_changes=shown, next_page_token=page.next_page_token)

        return await self.read(query)

    async def _start(self, request: Any, etag: str, *, dry: bool) -> Operation:
        async def begin(work: UnitOfWork) -> uuid.UUID:
            return await handlers.start_run(uuid.UUID(request.id), etag, dry=dry, work=work)

        return await self._begin(request, begin)

    async def _begin(self, request: Any, begin: Callable[[UnitOfWork], Awaitable[uuid.UUID]]) -> Operation:
        async def act(work: UnitOfWork) -> Operation:
            started = await begin(work)
            return await operations.get(work, SERVICE, f"operations/{SERVICE}/{started}")

        async def again(reader: Reader, name: str) -> Operation:
            return await operations.get(reader, SERVICE, name)

        return await self.once(request, act, again, result_id=lambda operation: str(operation.name))

    async def CancelImport(self, request: rpc.CancelImportRequest, _context: Any) -> pb.Import:
        async def act(work: UnitOfWork) -> pb.Import:
            return messages.to_message(await handlers.cancel_import(uuid.UUID(request.id), work))

        return await self.once(request, act, self._read)

    async def ListImportRows(
        self, request: rpc.ListImportRowsRequest, _context: Any
    ) -> rpc.ListImportRowsResponse:
        async def query(reader: Reader) -> rpc.ListImportRowsResponse:
            page = await queries.list_rows(reader, uuid.UUID(request.import_id), request, self._lists)
            shown = [messages.to_row(row) for row in page.rows]
            return rpc.ListImportRowsResponse(import_rows=shown, next_page_token=page.next_page_token)

        return await self.read(query)

    async def DownloadImportRejects(
        self, request: rpc.DownloadImportRejectsRequest, _context: Any
    ) -> HttpBody:
        async def query(reader: Reader) -> HttpBody:
            key = uuid.UUID(request.id)
            stored = await read_one(reader, Import, key)
            hidden = "contact" in current_call().masked  # as in the cells of ListImportRows
            rejected: list[Any] = []
            after = 0
            while rows := await queries.rejected_rows(reader, key, after, REJECTS_PAGE):
                rejected += [(row["line"], () if hidden else row["cells"], row["reasons"]) for row in rows]
                after = rows[-1]["line"]
            headers = [] if hidden else [column["header"] for column in stored["columns"]]
            return HttpBody(content_type="text/csv; charset=utf-8", data=rejects_csv(headers, rejected))

        return await self.read(query)

    async def _fetch(self, message: pb.Import, path: Path) -> None:
        if message.content:
            await asyncio.to_thread(path.write_bytes, message.content)
            return
        if not message.upload_ref:
            raise InvalidArgument([("import.content", "give the file or the reference of an upload")])
        missing = InvalidArgument([("import.upload_ref", "there is no such upload of yours")])
        if PurePosixPath(message.upload_ref).name != message.upload_ref:
            raise missing  # a path could lead to the uploads of others
        try:
            await self._blobs.save(key_of(message.upload_ref), path)
        except (OSError, ValueError) as error:
            raise missing from error

    async def _to_text(self, path: Path) -> None:
        """Workbooks and address cards become text tables."""
        found: bytes | None = await self._over(path, as_table)
        if found is not None:
            await asyncio.to_thread(path.write_bytes, found)

    async def _look(self, path: Path, message: pb.Import) -> Preview:
        encoding, dialect = messages.dialect_given(message.dialect)
        found: Preview = await self._over(path, look_at, encoding, dialect, messages.own_fields())
        return found

    async def _over(self, path: Path, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run `work` on the file, in the pool."""
        try:
            return await self._pool.run(work, str(path), *arguments)
        except NoTable as error:
            raise NoTextTable(str(error)) from error

    async def _read(self, reader: Reader, key: str) -> pb.Import:
        return messages.to_message(await read_one(reader, Import, uuid.UUID(key)))


@contextmanager
def _scratch() -> Iterator[Path]:
    """Where a file is for as long as it is looked at: it may be larger than memory."""
    with tempfile.TemporaryDirectory(prefix="import-") as folder:
        yield Path(folder) / "file"

"""gRPC of saved views: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.empty_pb2 import Empty

from taproot.identity.v1 import saved_view_pb2 as pb
from taproot.identity.v1 import saved_view_service_pb2 as rpc
from taproot_base import wire
from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_gateway.saved_views import handlers, messages, queries
from taproot_gateway.saved_views.lists import Listings
from taproot_gateway.saved_views.model import Viewer, saved_views
from taproot_gateway.settings import GatewaySettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import Lists
from taproot_storage.updates import changed_fields


def _viewer() -> Viewer:
    return Viewer.of(current_call().principal)


class SavedViewsServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)
        self._listings = Listings(runtime.peers)

    async def GetSavedView(self, request: rpc.GetSavedViewRequest, _context: Any) -> pb.SavedView:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListSavedViews(
        self, request: rpc.ListSavedViewsRequest, _context: Any
    ) -> rpc.ListSavedViewsResponse:
        rows = queries.shown_to(_viewer())

        async def query(reader: Reader) -> rpc.ListSavedViewsResponse:
            page = await self._lists.page(reader, queries.RESOURCE, rows, saved_views, request)
            found = [messages.to_message(row) for row in page.rows]
            return rpc.ListSavedViewsResponse(saved_views=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def CreateSavedView(self, request: rpc.CreateSavedViewRequest, _context: Any) -> pb.SavedView:
        message, viewer = request.saved_view, _viewer()
        missing = [name for name in ("display_name", "collection") if not getattr(message, name)]
        if missing:
            raise InvalidArgument([(f"saved_view.{name}", "is required") for name in missing])
        values = messages.to_values(message, messages.FIELDS)
        await self._listings.check(message.collection, values)
        asked = wire.optional_uuid(message.id)

        async def act(work: UnitOfWork) -> uuid.UUID:
            return await handlers.create_view(viewer, asked, message.collection, values, work)

        return await self._change(request, act)

    async def UpdateSavedView(self, request: rpc.UpdateSavedViewRequest, _context: Any) -> pb.SavedView:
        message, viewer = request.saved_view, _viewer()
        values = messages.to_values(message, changed_fields(message, request.update_mask))
        if values.get("display_name") == "":
            raise InvalidArgument([("saved_view.display_name", "must not be empty")])
        key = uuid.UUID(message.id)
        row = await self.read(lambda reader: queries.get_view(reader, viewer, key))
        await self._listings.check(row["collection"], {**row, **values})

        async def act(work: UnitOfWork) -> uuid.UUID:
            await handlers.update_view(viewer, key, message.etag, values, work)
            return key

        return await self._change(request, act)

    async def DeleteSavedView(self, request: rpc.DeleteSavedViewRequest, _context: Any) -> Empty:
        viewer = _viewer()
        async with self.database.unit() as work:
            await handlers.delete_view(viewer, uuid.UUID(request.id), request.etag, work)
        return Empty()

    async def ShareSavedView(self, request: rpc.ShareSavedViewRequest, _context: Any) -> pb.SavedView:
        viewer, key, team = _viewer(), uuid.UUID(request.id), wire.optional_uuid(request.team_id)
        sharing = wire.enum_name(pb.SavedViewSharing, request.sharing, messages.SHARING)

        async def act(work: UnitOfWork) -> uuid.UUID:
            await handlers.share_view(viewer, key, request.etag, sharing, team, work)
            return key

        return await self._change(request, act)

    async def MarkSavedView(self, request: rpc.MarkSavedViewRequest, _context: Any) -> pb.SavedView:
        viewer, key = _viewer(), uuid.UUID(request.id)
        starred = request.starred if request.HasField("starred") else None
        chosen = request.chosen if request.HasField("chosen") else None

        async def act(work: UnitOfWork) -> uuid.UUID:
            await handlers.mark_view(viewer, key, starred, chosen, work)
            return key

        return await self._change(request, act)

    async def _change(self, request: Any, act: Callable[[UnitOfWork], Awaitable[uuid.UUID]]) -> pb.SavedView:
        async def run(work: UnitOfWork) -> pb.SavedView:
            return await self._read(work, str(await act(work)))

        locks = [lock_key("saved_views", current_call().principal.subject)]
        return await self.once(request, run, self._read, locks=locks)

    async def _read(self, reader: Reader, key: str) -> pb.SavedView:
        return messages.to_message(await queries.get_view(reader, _viewer(), uuid.UUID(key)))

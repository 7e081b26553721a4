"""gRPC of activities: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import activity_pb2 as pb
from taproot.customer.v1 import activity_service_pb2 as rpc
from taproot.customer.v1.participant_pb2 import ParticipantResponse
from taproot_base import wire
from taproot_base.errors import InvalidArgument
from taproot_chassis.service import Runtime
from taproot_customer.activities import handlers, messages, recurring
from taproot_customer.activities.model import Activity
from taproot_customer.activities.queries import CONVERSIONS, SHELF
from taproot_customer.recurrence.messages import occurrence_message
from taproot_customer.recurrence.windows import window_of
from taproot_customer.recycling import delete_record, undelete_record
from taproot_customer.settings import CustomerSettings
from taproot_records.mapping import short_name
from taproot_records.serving import ResourceServicer
from taproot_storage.database import Reader

BY_VERB = {
    "branch_id": "AssignCustomer",
    "comment": "CommentActivity",
    "comment_user_id": "CommentActivity",
}


class ActivitiesServicer(ResourceServicer[pb.Activity]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, SHELF)

    async def GetActivity(self, request: rpc.GetActivityRequest, _context: Any) -> pb.Activity:
        return await self.get(request.id)

    async def ListActivities(
        self, request: rpc.ListActivitiesRequest, _context: Any
    ) -> rpc.ListActivitiesResponse:
        return await self.page(request, rpc.ListActivitiesResponse, "activities")

    async def AggregateActivities(
        self, request: rpc.AggregateActivitiesRequest, _context: Any
    ) -> rpc.AggregateActivitiesResponse:
        return await self.aggregate(request, rpc.AggregateActivitiesResponse)

    async def CreateActivity(self, request: rpc.CreateActivityRequest, _context: Any) -> pb.Activity:
        messages.check_new(request.activity)
        values = CONVERSIONS.given(request.activity, Activity)
        return await self.change(
            request, lambda work: handlers.create_activity(request.activity.id, values, work)
        )

    async def UpdateActivity(self, request: rpc.UpdateActivityRequest, _context: Any) -> pb.Activity:
        message = request.activity
        values = CONVERSIONS.changes(message, request.update_mask, Activity, BY_VERB)
        return await self.change(
            request, lambda work: handlers.update_activity(message.id, message.etag, values, work)
        )

    async def DeleteActivity(self, request: rpc.DeleteActivityRequest, _context: Any) -> pb.Activity:
        return await self.change(
            request, lambda work: delete_record(Activity, request.id, request.etag, work)
        )

    async def UndeleteActivity(self, request: rpc.UndeleteActivityRequest, _context: Any) -> pb.Activity:
        return await self.change(request, lambda work: undelete_record(Activity, request.id, work))

    async def CompleteActivity(self, request: rpc.CompleteActivityRequest, _context: Any) -> pb.Activity:
        return await self.change(
            request,
            lambda work: handlers.complete_activity(
                request.id,
                request.etag,
                request.outcome,
                request.body,
                wire.optional_instant(request, "occurrence_time"),
                work,
            ),
        )

    async def CancelActivity(self, request: rpc.CancelActivityRequest, _context: Any) -> pb.Activity:
        return await self.change(
            request, lambda work: handlers.cancel_activity(request.id, request.etag, work)
        )

    async def CommentActivity(self, request: rpc.CommentActivityRequest, _context: Any) -> pb.Activity:
        return await self.change(
            request, lambda work: handlers.comment_activity(request.id, request.etag, request.comment, work)
        )

    async def RespondActivity(self, request: rpc.RespondActivityRequest, _context: Any) -> pb.Activity:
        response = short_name(ParticipantResponse.DESCRIPTOR, request.response)
        return await self.change(
            request, lambda work: handlers.respond_activity(request.id, request.etag, response, work)
        )

    async def ExpandActivity(
        self, request: rpc.ExpandActivityRequest, _context: Any
    ) -> rpc.ExpandActivityResponse:
        since, before = window_of(request)

        async def query(reader: Reader) -> rpc.ExpandActivityResponse:
            found = await recurring.expand(reader, request.id, since, before)
            return rpc.ExpandActivityResponse(occurrences=map(occurrence_message, found))

        return await self.read(query)

    async def MoveOccurrence(self, request: rpc.MoveOccurrenceRequest, _context: Any) -> pb.Activity:
        slot, start = wire.from_timestamp(request.occurrence_time), wire.from_timestamp(request.start_time)
        return await self.change(
            request, lambda work: recurring.change_occurrence(request.id, request.etag, slot, start, work)
        )

    async def CancelOccurrence(self, request: rpc.CancelOccurrenceRequest, _context: Any) -> pb.Activity:
        slot = wire.from_timestamp(request.occurrence_time)
        return await self.change(
            request, lambda work: recurring.change_occurrence(request.id, request.etag, slot, None, work)
        )

    async def SplitActivity(self, request: rpc.SplitActivityRequest, _context: Any) -> pb.Activity:
        values = CONVERSIONS.given(request.activity, Activity)
        if foreign := sorted(set(values) - recurring.SPLIT_FIELDS):
            raise InvalidArgument([(f"activity.{name}", "is not changed by a split") for name in foreign])
        slot = wire.from_timestamp(request.occurrence_time)
        return await self.change(
            request, lambda work: recurring.split_activity(request.id, request.etag, slot, values, work)
        )

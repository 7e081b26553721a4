"""Activities through their RPCs."""

from __future__ import annotations

import datetime as dt

from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.v1 import activity_pb2 as pb
from taproot.customer.v1 import activity_service_pb2 as rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot_base.errors import Kind


def in_days(days: float) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(dt.datetime.now(dt.UTC) + dt.timedelta(days=days))
    return moment


def create(customer_id: str, **values: object) -> rpc.CreateActivityRequest:
    fields = {"kind": pb.ACTIVITY_KIND_VISIT, "display_name": "演示", **values}
    return rpc.CreateActivityRequest(activity=pb.Activity(customer_id=customer_id, **fields))


class TestActivities:
    async def test_needs_a_caller(self, service, make_customer, failure):
        customer = await make_customer()
        nobody = service.stub(ActivitiesServiceStub, None)
        for call in (
            nobody.CreateActivity(create(customer.id)),
            nobody.GetActivity(rpc.GetActivityRequest(id=customer.id)),
            nobody.ListActivities(rpc.ListActivitiesRequest()),
            nobody.AggregateActivities(rpc.AggregateActivitiesRequest()),
            nobody.CompleteActivity(rpc.CompleteActivityRequest(id=customer.id)),
            nobody.CancelActivity(rpc.CancelActivityRequest(id=customer.id)),
            nobody.CommentActivity(rpc.CommentActivityRequest(id=customer.id, comment="x")),
            nobody.UpdateActivity(rpc.UpdateActivityRequest(activity=pb.Activity(id=customer.id))),
            nobody.DeleteActivity(rpc.DeleteActivityRequest(id=customer.id)),
            nobody.UndeleteActivity(rpc.UndeleteActivityRequest(id=customer.id)),
        ):
            assert (await failure(call)).kind is Kind.UNAUTHENTICATED

    async def test_past_is_done_future_is_planned(self, service, admin, make_customer, failure):
        stub = service.stub(ActivitiesServiceStub, admin)
        customer = await make_customer()
        done = await stub.CreateActivity(create(customer.id, outcome="reached"))
        assert done.state == pb.ACTIVITY_STATE_DONE
        assert done.direction == pb.ACTIVITY_DIRECTION_OUTBOUND
        assert done.owner_id == admin.subject
        planned = await stub.CreateActivity(create(customer.id, start_time=in_days(1)))
        assert planned.state == pb.ACTIVITY_STATE_PLANNED
        wrong = await failure(stub.CompleteActivity(rpc.CompleteActivityRequest(id=done.id)))
        assert wrong.kind is Kind.STATE
        finished = await stub.CompleteActivity(
            rpc.CompleteActivityRequest(id=planned.id, outcome="interested", etag=planned.etag)
        )
        assert (finished.state, finished.outcome) == (pb.ACTIVITY_STATE_DONE, "interested")
        assert finished.start_time.seconds < planned.start_time.seconds
        other = await stub.CreateActivity(create(customer.id, start_time=in_days(1)))
        called_off = await stub.CancelActivity(rpc.CancelActivityRequest(id=other.id))
        assert called_off.state == pb.ACTIVITY_STATE_CANCELLED
        listed = await stub.ListActivities(
            rpc.ListActivitiesRequest(filter=f'customer_id = "{customer.id}" AND state = DONE')
        )
        assert {a.id for a in listed.activities} == {done.id, finished.id}
        groups = await stub.AggregateActivities(
            rpc.AggregateActivitiesRequest(filter=f'customer_id = "{customer.id}"', group_by=["state"])
        )
        assert {tuple(r.keys): tuple(r.values) for r in groups.rows} == {
            ("done",): ("2",),
            ("cancelled",): ("1",),
        }

    async def test_an_update_hands_over_or_says_which_verb_does(self, service, admin, make_customer, failure):
        stub = service.stub(ActivitiesServiceStub, admin)
        made = await stub.CreateActivity(create((await make_customer()).id))
        colleague = await service.add_user({"activities.*": "own"})
        change = pb.Activity(id=made.id, owner_id=colleague.subject)
        changed = await stub.UpdateActivity(rpc.UpdateActivityRequest(activity=change))
        assert (changed.owner_id, changed.branch_id) == (colleague.subject, made.branch_id)
        for name in ("branch_id", "comment"):
            request = rpc.UpdateActivityRequest(activity=pb.Activity(id=made.id))
            request.update_mask.paths.append(name)
            error = await failure(stub.UpdateActivity(request))
            assert [v.field for v in error.violations] == [f"activity.{name}"]

    async def test_the_branch_sees_it_and_the_manager_remarks(self, service, make_customer, failure):
        seller = await service.add_user({"customers.*": "own", "activities.*": "own"}, "/hq/e/sh/")
        customer = await make_customer(by=seller)
        made = await service.stub(ActivitiesServiceStub, seller).CreateActivity(create(customer.id))
        manager = await service.add_user(
            {"activities.read": "branch_and_below", "activities.comment": "branch_and_below"}, "/hq/e/"
        )
        stub = service.stub(ActivitiesServiceStub, manager)
        noted = await stub.CommentActivity(rpc.CommentActivityRequest(id=made.id, comment="好"))
        assert (noted.comment, noted.comment_user_id) == ("好", manager.subject)
        stranger = service.stub(
            ActivitiesServiceStub, await service.add_user({"activities.*": "branch_and_below"}, "/hq/w/")
        )
        assert (
            await failure(stranger.GetActivity(rpc.GetActivityRequest(id=made.id)))
        ).kind is Kind.NOT_FOUND

    async def test_update_and_recycle_bin(self, service, admin, make_customer):
        stub = service.stub(ActivitiesServiceStub, admin)
        customer = await make_customer()
        record = pb.RecordReference(resource="opportunities", id=customer.id, display_name="大单")
        made = await stub.CreateActivity(create(customer.id, record=record))
        made.duration.FromSeconds(600)
        changed = await stub.UpdateActivity(
            rpc.UpdateActivityRequest(activity=pb.Activity(id=made.id, duration=made.duration, body="纪要"))
        )
        assert (changed.duration.seconds, changed.body, changed.record) == (600, "纪要", record)
        gone = await stub.DeleteActivity(rpc.DeleteActivityRequest(id=made.id))
        assert gone.HasField("delete_time")
        back = await stub.UndeleteActivity(rpc.UndeleteActivityRequest(id=made.id))
        assert not back.HasField("delete_time")

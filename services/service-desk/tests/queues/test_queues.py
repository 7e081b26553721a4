"""Queues: where a ticket goes on its own."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from taproot.servicedesk.v1 import queue_pb2 as pb
from taproot.servicedesk.v1 import queue_service_pb2 as rpc
from taproot.servicedesk.v1 import ticket_pb2
from taproot.servicedesk.v1.queue_service_pb2_grpc import QueuesServiceStub
from taproot.servicedesk.v1.ticket_verb_pb2 import AssignTicketRequest
from taproot_base.ids import new_id
from taproot_testkit import Caller, branch_id

LEAST_LOADED = pb.QUEUE_ASSIGNMENT_LEAST_LOADED


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def queues(desk, admin) -> Caller:
    return desk.stub(QueuesServiceStub, admin)


async def queue(queues: Caller, **values: Any) -> pb.Queue:
    return await queues.CreateQueue(rpc.CreateQueueRequest(queue=pb.Queue(display_name="q", **values)))


async def test_the_first_rule_by_rank_takes_the_ticket(queues, opened):
    word = str(new_id())
    await queue(queues, rank=50, categories=[word], active=False)
    late = await queue(queues, rank=200, categories=[word])
    first = await queue(
        queues, rank=100, categories=[word], channels=["phone"], branch_id=branch_id("/hq/w/")
    )
    called = await opened(categories=[word, "x"], channel="phone")
    assert (called.queue_id, called.branch_id) == (first.id, branch_id("/hq/w/"))
    assert (await opened(categories=[word])).queue_id == late.id
    assert (await opened(categories=["other"])).queue_id == ""


async def test_a_full_agent_gets_no_more(desk, queues, opened):
    word = str(new_id())
    agent = await desk.add_user({"tickets.*": "own"})
    made = await queue(
        queues, categories=[word], assignment=LEAST_LOADED, member_ids=[agent.subject], max_open_per_member=1
    )
    owners = [(await opened(categories=[word])).owner_id for _ in range(2)]
    assert owners == [agent.subject, ""]
    assert list((await queues.GetQueue(rpc.GetQueueRequest(id=made.id))).member_ids) == [agent.subject]


async def test_a_queue_in_use_stays_and_can_be_changed(queues, tickets, opened, failure):
    made = await queue(queues, kinds=[ticket_pb2.TICKET_KIND_SUGGESTION])
    ticket = await opened()
    await tickets.AssignTicket(AssignTicketRequest(id=ticket.id, queue_id=made.id))
    delete = rpc.DeleteQueueRequest(id=made.id)
    assert (await failure(queues.DeleteQueue(delete))).reason == "QUEUE_IN_USE"
    closed = await queues.UpdateQueue(
        rpc.UpdateQueueRequest(
            queue=pb.Queue(id=made.id, active=False), update_mask={"paths": ["active", "kinds"]}
        )
    )
    assert (closed.active, list(closed.kinds)) == (False, [])
    gone = AssignTicketRequest(id=ticket.id, queue_id=made.id)
    assert [v.field for v in (await failure(tickets.AssignTicket(gone))).violations] == ["queue_id"]
    empty = await queue(queues, categories=[str(new_id())])
    await queues.DeleteQueue(rpc.DeleteQueueRequest(id=empty.id))
    assert (await failure(queues.GetQueue(rpc.GetQueueRequest(id=empty.id)))).reason == "NOT_FOUND"

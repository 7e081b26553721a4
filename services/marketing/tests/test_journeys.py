"""Journeys: what customers get, and how often."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct
from marketing_journeys import active, counts_of, enrol, hello_template, mails, run_of, run_steps, send, wait
from marketing_world import failure

from taproot.marketing.events.v1.journey_event_pb2 import JourneyEvent
from taproot.marketing.v1 import delivery_service_pb2 as deliveries
from taproot.marketing.v1 import journey_pb2 as pb
from taproot.marketing.v1 import journey_service_pb2 as rpc
from taproot.marketing.v1 import loyalty_account_service_pb2 as loyalty
from taproot.marketing.v1 import loyalty_pb2, loyalty_program_service_pb2
from taproot.marketing.v1.delivery_service_pb2_grpc import DeliveriesServiceStub
from taproot.marketing.v1.journey_service_pb2_grpc import JourneysServiceStub
from taproot.marketing.v1.loyalty_account_service_pb2_grpc import LoyaltyAccountsServiceStub
from taproot.marketing.v1.loyalty_program_service_pb2_grpc import LoyaltyProgramsServiceStub
from taproot_base.errors import Unavailable
from taproot_marketing.journeys import engine
from taproot_testkit import Harness


@pytest_asyncio.fixture(loop_scope="session")
async def desk(service: Harness, admin: Any) -> Any:
    return service.stub(JourneysServiceStub, admin)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def template(service: Harness, admin: Any) -> str:
    return await hello_template(service, admin)


class TestDefinition:
    async def test_every_fault_is_named(self, desk, template):
        journey = pb.Journey(
            display_name="J",
            trigger=pb.JourneyTrigger(
                event=pb.EventTrigger(event_type="order.confirmed", filter="event.nope = 1")
            ),
            steps=[
                send("a", template, next_step="gone"),
                pb.JourneyStep(key="b", branch=pb.BranchStep(filter="customer.shoe_size > 4")),
            ],
        )
        error = await failure(desk.CreateJourney(rpc.CreateJourneyRequest(journey=journey)))
        assert {violation.field for violation in error.violations} == {
            "journey.trigger.event.filter",
            "journey.steps[0].next_step",
            "journey.steps[1].branch.filter",
        }

    async def test_a_journey_may_not_feed_itself(self, desk, template):
        trigger = pb.JourneyTrigger(event=pb.EventTrigger(event_type="delivery.sent"))
        journey = pb.Journey(display_name="J", trigger=trigger, steps=[send("a", template)])
        error = await failure(desk.CreateJourney(rpc.CreateJourneyRequest(journey=journey)))
        assert error.violations[0].field == "journey.trigger.event.event_type"

    async def test_a_missing_template_is_found_on_activation(self, desk):
        made = await desk.CreateJourney(
            rpc.CreateJourneyRequest(
                journey=pb.Journey(display_name="J", steps=[send("a", str(uuid.uuid4()))])
            )
        )
        error = await failure(desk.ActivateJourney(rpc.ActivateJourneyRequest(id=made.id)))
        assert error.reason == "JOURNEY_NOT_READY"

    async def test_new_steps_make_a_new_version_and_runs_keep_theirs(
        self, desk, service, world, admin, template
    ):
        journey = await active(desk, wait("pause", duration=Duration(seconds=60)), send("old", template))
        run = await enrol(desk, journey, await world.customer())
        changed = pb.Journey(id=journey.id, steps=[send("new", template)])
        assert (await desk.UpdateJourney(rpc.UpdateJourneyRequest(journey=changed))).version == 2
        world.pass_time(timedelta(seconds=61))
        await run_steps(service)
        done = await run_of(service, admin, run.id)
        assert (done.journey_version, [step.step for step in done.history]) == (1, ["pause", "old"])


class TestSteps:
    async def test_wait_branch_task_points_and_mail(self, desk, service, world, admin, template):
        programs = service.stub(LoyaltyProgramsServiceStub, admin)
        program = await programs.CreateLoyaltyProgram(
            loyalty_program_service_pb2.CreateLoyaltyProgramRequest(
                loyalty_program=loyalty_pb2.LoyaltyProgram(display_name="Club")
            )
        )
        task = pb.TaskStep(title="Call {{ customer.display_name }}", due_days=2)
        journey = await active(
            desk,
            wait("pause", duration=Duration(seconds=3600)),
            pb.JourneyStep(
                key="fork",
                branch=pb.BranchStep(
                    filter='event.amount = "big" AND customer.region = "east"',
                    then_step="call",
                    else_step="end",
                ),
            ),
            pb.JourneyStep(key="call", task=task),
            pb.JourneyStep(key="gift", points=pb.PointsStep(program_id=program.id, points=50)),
            send("mail", template),
        )
        context = Struct()
        context.update({"amount": "big"})
        customer = await world.customer("Li Na", region="east")
        run = await enrol(desk, journey, customer, context=context)
        other = await enrol(desk, journey, await world.customer(region="west"), context=context)
        await run_steps(service)
        assert (await run_of(service, admin, run.id)).step == "pause"
        world.pass_time(timedelta(hours=1))
        await run_steps(service)
        done = await run_of(service, admin, run.id)
        assert done.state == pb.JOURNEY_RUN_STATE_COMPLETED
        assert [(step.step, step.result) for step in done.history] == [
            ("pause", "waited"),
            ("fork", "then"),
            ("call", "task_requested"),
            ("gift", "earned"),
            ("mail", "queued"),
        ]
        assert [step.result for step in (await run_of(service, admin, other.id)).history] == [
            "waited",
            "else",
        ]
        assert len(await mails(service, admin, f'journey_run_id = "{run.id}"')) == 1
        event = [
            e.decode(JourneyEvent)
            for e in await service.events(1, of="journey.task_requested")
            if str(e.party_id) == customer
        ]
        assert [e.task.title for e in event] == ["Call Li Na"]
        assert event[0].task.business_key == f"{run.id}:call"
        accounts = service.stub(LoyaltyAccountsServiceStub, admin)
        listed = await accounts.ListLoyaltyAccounts(
            loyalty.ListLoyaltyAccountsRequest(filter=f'customer_id = "{customer}"')
        )
        assert [account.balance for account in listed.loyalty_accounts] == [50]
        counts = await counts_of(desk, journey)
        assert (counts.entered_count, counts.completed_count) == (2, 2)
        fork = next(step for step in counts.steps if step.step == "fork")
        assert dict(fork.results) == {"then": 1, "else": 1}

    async def test_many_workers_do_each_step_once(self, desk, service, world, admin, template):
        journey = await active(desk, send("one", template), send("two", template))
        for _ in range(30):
            await enrol(desk, journey, await world.customer())
        await asyncio.gather(*(run_steps(service) for _ in range(4)))
        world.pass_time(timedelta(minutes=5))  # on a busy machine a step may have to be tried again
        await run_steps(service)
        counts = await counts_of(desk, journey)
        assert [(step.step, step.done_count) for step in counts.steps] == [("one", 30), ("two", 30)]
        assert counts.completed_count == 30
        rows = await service.stub(DeliveriesServiceStub, admin).AggregateDeliveries(
            deliveries.AggregateDeliveriesRequest(
                filter=f'journey_id = "{journey.id}"', group_by=["journey_step"], measures=["count()"]
            )
        )
        assert [(row.keys[0], row.values[0]) for row in rows.rows] == [("one", "30"), ("two", "30")]

    async def test_a_database_that_goes_away_is_no_failure_of_the_step(
        self, desk, service, world, admin, template, monkeypatch
    ):
        journey = await active(desk, send("mail", template))
        run = await enrol(desk, journey, await world.customer())

        def gone(*_: Any) -> None:
            raise Unavailable("the database went away")

        with monkeypatch.context() as patch, service.system_call():
            patch.setattr("taproot_marketing.journeys.model.JourneyRun.move_to", gone)
            for _ in range(engine.MAX_FAILURES):
                assert await engine.Engine().run_due(service.runtime.database) == 0
        waiting = await run_of(service, admin, run.id)
        assert (waiting.state, waiting.error) == (pb.JOURNEY_RUN_STATE_ACTIVE, "")
        await run_steps(service)
        assert (await run_of(service, admin, run.id)).state == pb.JOURNEY_RUN_STATE_COMPLETED

    async def test_a_crash_in_a_step_leaves_nothing_and_is_made_good(
        self, desk, service, world, admin, template, monkeypatch
    ):
        journey = await active(desk, send("mail", template))
        run = await enrol(desk, journey, await world.customer())
        with monkeypatch.context() as patch:
            patch.setattr("taproot_marketing.journeys.model.JourneyRun.move_to", lambda *_: 1 / 0)
            with service.system_call():
                await engine.Engine().run_due(service.runtime.database)
        stuck = await run_of(service, admin, run.id)
        assert (stuck.state, len(stuck.history)) == (pb.JOURNEY_RUN_STATE_ACTIVE, 0)
        assert "ZeroDivisionError" in stuck.error
        assert await mails(service, admin, f'journey_run_id = "{run.id}"') == []
        world.pass_time(timedelta(minutes=5))
        await run_steps(service)
        assert (await run_of(service, admin, run.id)).state == pb.JOURNEY_RUN_STATE_COMPLETED
        assert len(await mails(service, admin, f'journey_run_id = "{run.id}"')) == 1

    async def test_paused_holds_and_archived_stops(self, desk, service, world, admin, template):
        journey = await active(desk, wait("pause", duration=Duration(seconds=10)), send("mail", template))
        run = await enrol(desk, journey, await world.customer())
        await desk.PauseJourney(rpc.PauseJourneyRequest(id=journey.id))
        world.pass_time(timedelta(minutes=1))
        await run_steps(service)
        assert (await run_of(service, admin, run.id)).step == "pause"
        await desk.ArchiveJourney(rpc.ArchiveJourneyRequest(id=journey.id))
        with service.system_call():
            await engine.stop_archived(service.runtime.database)
        assert (await run_of(service, admin, run.id)).state == pb.JOURNEY_RUN_STATE_CANCELLED
        error = await failure(enrol(desk, journey, await world.customer()))
        assert error.reason == "JOURNEY_NOT_ACTIVE"


class TestEnrol:
    async def test_a_second_call_answers_with_the_first_run(self, desk, service, world, template):
        journey = await active(desk, send("mail", template))
        customer = await world.customer()
        first = await enrol(desk, journey, customer, business_key="k")
        second = await enrol(desk, journey, customer, business_key="k")
        assert first.id == second.id

    async def test_only_a_customer_the_caller_sees(self, desk, service, world, template):
        journey = await active(desk, send("mail", template))
        user = await service.add_user({"journeys.*": "all", "customers.read": "branch"}, "/hq/e/sh/")
        mine = service.stub(JourneysServiceStub, user)
        hidden = await world.customer(branch="/hq/w/")
        request = rpc.EnrolJourneyRequest(id=journey.id, customer_id=hidden)
        assert (await failure(mine.EnrolJourney(request))).reason == "NOT_FOUND"

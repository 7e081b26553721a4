"""Forms and what visitors send."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.struct_pb2 import Struct
from marketing_world import World, failure

from taproot.marketing.events.v1.form_event_pb2 import FormEvent
from taproot.marketing.v1 import form_pb2 as pb
from taproot.marketing.v1 import form_service_pb2 as rpc
from taproot.marketing.v1 import form_submission_service_pb2 as sub
from taproot.marketing.v1.form_service_pb2_grpc import FormsServiceStub
from taproot.marketing.v1.form_submission_service_pb2_grpc import FormSubmissionsServiceStub
from taproot_base.errors import Kind
from taproot_testkit import Harness


@pytest_asyncio.fixture(loop_scope="session")
async def desk(service: Harness) -> Any:
    return service.stub(FormsServiceStub, await service.admin())


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(service: Harness) -> Any:
    return service.stub(FormsServiceStub, None)


async def opened(desk: Any, **values: Any) -> pb.Form:
    form = pb.Form(
        display_name="Trial",
        consent_text=pb.LocalizedText(zh="我同意接收邮件", en="I agree to mails"),
        thank_you=pb.LocalizedText(zh="谢谢", en="Thanks"),
        **values,
    )
    made = await desk.CreateForm(rpc.CreateFormRequest(form=form))
    return await desk.OpenForm(rpc.OpenFormRequest(id=made.id))


def filled(form: pb.Form, request_id: str = "", **values: Any) -> rpc.SubmitFormRequest:
    envelope = {name: values.pop(name) for name in ("website", "form_token") if name in values}
    given = {"name": "王伟", "email": "wei@example.com", **values}
    submission = pb.FormSubmission(**given)
    return rpc.SubmitFormRequest(form_id=form.id, submission=submission, request_id=request_id, **envelope)


async def submitted(service: Harness, form: pb.Form) -> list[pb.FormSubmission]:
    found = [e.decode(FormEvent).submission for e in await service.events(0, of="form.submitted")]
    return [submission for submission in found if submission.form_id == form.id]


class TestSubmit:
    async def test_raises_all_that_a_lead_needs(self, service, desk, visitor):
        form = await opened(
            desk,
            region="east",
            fields=[pb.FormField(name="seats", kind=pb.FORM_FIELD_KIND_NUMBER, required=True)],
        )
        answers = Struct()
        answers.update({"seats": 12})
        request = filled(
            form,
            company="Acme",
            phone="+86 138 0013 8000",
            message="Hello",
            utm=pb.Utm(source="ad"),
            referral_code="F-1",
            consent=True,
            language_code="en",
            answers=answers,
        )
        answer = await visitor.SubmitForm(request)
        await service.events(1, of="form.submitted")
        (event,) = await submitted(service, form)
        assert event.id == answer.submission_id
        assert (event.name, event.company, event.region, event.utm.source) == ("王伟", "Acme", "east", "ad")
        assert (event.referral_code, event.answers["seats"], event.consent) == ("F-1", 12, True)
        assert "I agree to mails" in event.consent_proof
        assert event.branch_id == form.branch_id
        assert answer.thank_you.en == "Thanks"

    async def test_a_repeat_is_taken_once(self, service, desk, visitor):
        form = await opened(desk)
        request = filled(form, "again-1")
        answers = await asyncio.gather(*(visitor.SubmitForm(request) for _ in range(5)))
        assert len({answer.submission_id for answer in answers}) == 1
        await asyncio.sleep(0.3)
        assert len(await submitted(service, form)) == 1

    async def test_every_fault_at_once(self, desk, visitor):
        form = await opened(desk, required_fields=["company"])
        error = await failure(visitor.SubmitForm(filled(form, email="nobody", phone="12")))
        assert {violation.field for violation in error.violations} == {
            "submission.company",
            "submission.email",
            "submission.phone",
        }

    async def test_a_closed_form_is_not_found(self, desk, visitor):
        form = await opened(desk)
        await desk.CloseForm(rpc.CloseFormRequest(id=form.id))
        assert (await failure(visitor.SubmitForm(filled(form)))).kind is Kind.NOT_FOUND
        assert (
            await failure(visitor.GetPublicForm(rpc.GetPublicFormRequest(form_id=form.id)))
        ).kind is Kind.NOT_FOUND


class TestRobots:
    async def test_the_trap_holds_back_but_answers_the_same(self, service, desk, visitor):
        form = await opened(desk)
        answer = await visitor.SubmitForm(filled(form, website="http://spam"))
        assert answer.submission_id
        await asyncio.sleep(0.2)
        assert await submitted(service, form) == []
        staff = service.stub(FormSubmissionsServiceStub, await service.admin())
        listed = await staff.ListFormSubmissions(sub.ListFormSubmissionsRequest(filter="state = SPAM"))
        assert answer.submission_id in {submission.id for submission in listed.form_submissions}
        release = sub.ReleaseFormSubmissionRequest(id=answer.submission_id)
        assert (await staff.ReleaseFormSubmission(release)).state == pb.SUBMISSION_STATE_ACCEPTED
        assert (await failure(staff.ReleaseFormSubmission(release))).reason == "SUBMISSION_NOT_SPAM"

    async def test_sooner_than_people_can_read(self, service, desk, visitor):
        form = await opened(desk, min_seconds=3)
        assert (await failure(visitor.SubmitForm(filled(form)))).violations[0].field == "form_token"
        shown = await visitor.GetPublicForm(rpc.GetPublicFormRequest(form_id=form.id))
        request = filled(form, form_token=shown.form_token)
        assert (await failure(visitor.SubmitForm(request))).reason == "FORM_TOO_FAST"
        World(service).pass_time(timedelta(seconds=3))
        assert (await visitor.SubmitForm(request)).submission_id
        other = await opened(desk, min_seconds=1)
        stolen = filled(other, form_token=shown.form_token)
        assert (await failure(visitor.SubmitForm(stolen))).violations[0].field == "form_token"

    async def test_too_many_from_one_address(self, service, desk):
        form = await opened(desk, hourly_limit=2)
        stub = FormsServiceStub(grpc.aio.insecure_channel(service.address))
        here = (("x-client-address", "203.0.113.7"),)
        for _ in range(2):
            await stub.SubmitForm(filled(form), metadata=here)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.SubmitForm(filled(form), metadata=here)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await stub.SubmitForm(filled(form), metadata=(("x-client-address", "203.0.113.8"),))
        World(service).pass_time(timedelta(hours=1))
        await stub.SubmitForm(filled(form), metadata=here)
        async with service.runtime.database.reading() as reader:
            hashes = await reader.connection.fetch("SELECT address_hash FROM form_rates")
        assert all("203.0.113" not in row["address_hash"] for row in hashes)


class TestDoubleOptIn:
    async def test_the_lead_waits_for_the_confirmation(self, service, desk, visitor):
        form = await opened(desk, double_opt_in=True)
        answer = await visitor.SubmitForm(filled(form, consent=True))
        assert answer.confirmation_required
        assert await submitted(service, form) == []
        async with service.runtime.database.reading() as reader:
            row = await reader.connection.fetchrow(
                "SELECT address, message_class, context FROM deliveries WHERE business_key = $1",
                f"form_submission:{answer.submission_id}",
            )
        assert (row["address"], row["message_class"]) == ("wei@example.com", "transactional")
        token = row["context"]["submission"]["token"]
        World(service).pass_time(timedelta(hours=1))
        for _ in range(2):
            assert (
                await visitor.ConfirmFormSubmission(rpc.ConfirmFormSubmissionRequest(token=token))
            ).thank_you.zh
        await asyncio.sleep(0.3)
        (event,) = await submitted(service, form)
        assert event.consent_time.ToDatetime().hour == World(service).now.hour
        spoilt = rpc.ConfirmFormSubmissionRequest(token=token + "x")
        assert (await failure(visitor.ConfirmFormSubmission(spoilt))).violations[0].field == "token"


class TestForms:
    async def test_a_form_with_submissions_stays(self, desk, visitor):
        form = await opened(desk)
        await visitor.SubmitForm(filled(form))
        assert (await failure(desk.DeleteForm(rpc.DeleteFormRequest(id=form.id)))).reason == "FORM_IN_USE"
        empty = await opened(desk)
        await desk.DeleteForm(rpc.DeleteFormRequest(id=empty.id))
        assert (await failure(desk.GetForm(rpc.GetFormRequest(id=empty.id)))).kind is Kind.NOT_FOUND

    async def test_counts_by_source_for_the_channel_share(self, service, desk, visitor):
        form = await opened(desk)
        for _ in range(3):
            await visitor.SubmitForm(filled(form))
        staff = service.stub(FormSubmissionsServiceStub, await service.admin())
        rows = await staff.AggregateFormSubmissions(
            sub.AggregateFormSubmissionsRequest(filter=f'form_id = "{form.id}"', group_by=["state"])
        )
        assert [(row.keys[0], row.values[0]) for row in rows.rows] == [("accepted", "3")]

"""Consents through their RPCs and by what other services hear."""

from __future__ import annotations

import datetime as dt

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.v1 import consent_pb2 as pb
from taproot.customer.v1 import consent_service_pb2 as rpc
from taproot.customer.v1.consent_service_pb2_grpc import ConsentsServiceStub
from taproot.marketing.events.v1.form_event_pb2 import FormEvent
from taproot.marketing.events.v1.suppression_event_pb2 import SuppressionEvent
from taproot.marketing.v1.form_pb2 import FormSubmission
from taproot.marketing.v1.suppression_pb2 import SUPPRESSION_REASON_UNSUBSCRIBED, Suppression
from taproot.sales.events.v1.lead_event_pb2 import LeadEvent
from taproot.sales.v1.lead_pb2 import Lead
from taproot_base.auth import Principal
from taproot_base.errors import Kind
from taproot_base.ids import new_id

EMAIL = pb.CONSENT_CHANNEL_EMAIL
GRANTED, WITHDRAWN = pb.CONSENT_DECISION_GRANTED, pb.CONSENT_DECISION_WITHDRAWN


def create(customer_id: str, decision: int = GRANTED, **values: object) -> rpc.CreateConsentRequest:
    fields = {"purpose": "marketing", "channel": EMAIL, "source": "phone", "proof": "录音 17", **values}
    return rpc.CreateConsentRequest(consent=pb.Consent(customer_id=customer_id, decision=decision, **fields))


def stamp(seconds: float) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds))
    return found


@pytest.fixture
def consents(service, admin):
    return service.stub(ConsentsServiceStub, admin)


@pytest.fixture
def marketing(service):
    return service.stub(ConsentsServiceStub, Principal.service("marketing"))


async def states(stub, customer_id: str) -> dict[tuple[str, int], int]:
    found = await stub.GetConsentStates(rpc.GetConsentStatesRequest(customer_id=customer_id))
    return {(s.purpose, s.channel): s.decision for s in found.states}


async def allowed(stub, *ids: str) -> set[str]:
    request = rpc.CheckConsentsRequest(customer_ids=ids, purpose="marketing", channel=EMAIL)
    return set((await stub.CheckConsents(request)).allowed_customer_ids)


class TestConsents:
    async def test_needs_a_caller(self, service, make_customer, failure):
        customer = await make_customer()
        nobody = service.stub(ConsentsServiceStub, None)
        for call in (
            nobody.CreateConsent(create(customer.id)),
            nobody.GetConsent(rpc.GetConsentRequest(id=customer.id)),
            nobody.ListConsents(rpc.ListConsentsRequest()),
            nobody.AggregateConsents(rpc.AggregateConsentsRequest()),
            nobody.GetConsentStates(rpc.GetConsentStatesRequest(customer_id=customer.id)),
            nobody.CheckConsents(
                rpc.CheckConsentsRequest(customer_ids=[customer.id], purpose="m", channel=EMAIL)
            ),
        ):
            assert (await failure(call)).kind is Kind.UNAUTHENTICATED

    async def test_the_last_word_holds_and_history_stays(self, consents, make_customer):
        customer = await make_customer()
        await consents.CreateConsent(create(customer.id))
        assert await states(consents, customer.id) == {("marketing", EMAIL): GRANTED}
        assert await allowed(consents, customer.id) == {customer.id}
        await consents.CreateConsent(create(customer.id, WITHDRAWN))
        late_news = create(customer.id, effective_time=stamp(-3600))
        await consents.CreateConsent(late_news)
        assert await states(consents, customer.id) == {("marketing", EMAIL): WITHDRAWN}
        assert await allowed(consents, customer.id) == set()
        history = await consents.ListConsents(
            rpc.ListConsentsRequest(filter=f'customer_id = "{customer.id}"')
        )
        assert len(history.consents) == 3
        assert history.consents[0].proof == "录音 17"

    async def test_without_a_decision_the_answer_is_no(self, marketing, make_customer):
        assert await allowed(marketing, (await make_customer()).id, str(new_id())) == set()

    async def test_expires(self, consents, marketing, make_customer, failure):
        customer = await make_customer()
        await consents.CreateConsent(
            create(customer.id, effective_time=stamp(-3600), expire_time=stamp(-1800))
        )
        assert await states(consents, customer.id) == {("marketing", EMAIL): WITHDRAWN}
        assert await allowed(marketing, customer.id) == set()
        future = await failure(consents.CreateConsent(create(customer.id, effective_time=stamp(7200))))
        assert [v.field for v in future.violations] == ["consent.effective_time"]

    async def test_says_everything_that_lacks(self, consents, failure):
        error = await failure(consents.CreateConsent(rpc.CreateConsentRequest(consent=pb.Consent())))
        assert len(error.violations) == 5

    async def test_a_customer_decides_for_himself_only(self, service, make_customer, failure):
        customer, other = await make_customer("甲"), await make_customer("乙")
        portal = Principal(subject="portal-1", kind="portal", party_id=customer.id)
        stub = service.stub(ConsentsServiceStub, portal)
        await stub.CreateConsent(create(customer.id, WITHDRAWN, source="portal"))
        assert await states(stub, customer.id) == {("marketing", EMAIL): WITHDRAWN}
        assert (await failure(stub.CreateConsent(create(other.id)))).kind is Kind.NOT_FOUND


class TestReactions:
    async def test_unsubscribing_withdraws_once(self, service, consents, make_customer):
        customer = await make_customer()
        await consents.CreateConsent(create(customer.id, effective_time=stamp(-60)))
        suppression = Suppression(
            id=str(new_id()), customer_id=customer.id, reason=SUPPRESSION_REASON_UNSUBSCRIBED
        )
        message = SuppressionEvent(suppression=suppression, consent_proof="link 1")
        for _ in range(2):
            event = service.event("suppression.created", message, suppression.id, source="marketing")
            await service.deliver(event, "unsubscribes")
        assert await allowed(consents, customer.id) == set()
        history = await consents.ListConsents(
            rpc.ListConsentsRequest(filter=f'customer_id = "{customer.id}"')
        )
        assert [c.decision for c in history.consents] == [WITHDRAWN, GRANTED]

    @pytest.mark.parametrize("form_first", [True, False])
    async def test_a_form_consent_reaches_the_customer_in_any_order(
        self, service, consents, make_customer, form_first: bool
    ):
        customer, lead_id, submission_id = await make_customer(), str(new_id()), str(new_id())
        submission = FormSubmission(
            id=submission_id, consent=True, consent_proof="checkbox v3", consent_time=stamp(-60)
        )
        lead = Lead(id=lead_id, form_submission_id=submission_id, customer_id=customer.id)
        form = service.event(
            "form.submitted", FormEvent(submission=submission), submission_id, source="marketing"
        )
        converted = service.event("lead.converted", LeadEvent(lead=lead), lead_id, source="sales")
        order = [(form, "form-consents"), (converted, "lead-consents")]
        for event, name in order if form_first else reversed(order):
            await service.deliver(event, name)
        assert await allowed(consents, customer.id) == {customer.id}
        (kept,) = (
            await consents.ListConsents(rpc.ListConsentsRequest(filter=f'customer_id = "{customer.id}"'))
        ).consents
        assert (kept.source, kept.proof) == ("web_form", "checkbox v3")

"""Who takes part in an activity: what it opens to them, and to nobody else."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.v1 import activity_pb2 as pb
from taproot.customer.v1 import activity_service_pb2 as rpc
from taproot.customer.v1 import agenda_service_pb2 as agenda_rpc
from taproot.customer.v1 import contact_pb2, participant_pb2
from taproot.customer.v1 import contact_service_pb2 as contact_rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.agenda_service_pb2_grpc import AgendasServiceStub
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.participant_pb2 import Participant
from taproot.customer.v1.recurrence_pb2 import Recurrence
from taproot.operations.v1 import personal_data_service_pb2 as person_rpc
from taproot.operations.v1.personal_data_service_pb2_grpc import PersonalDataServiceStub
from taproot_base.auth import Principal
from taproot_base.errors import Kind
from taproot_customer.privacy.holdings import HOLDINGS
from taproot_records.privacy.collecting import collect
from taproot_records.privacy.holdings import Person

MONDAY = dt.datetime(2100, 3, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
GUEST = {"activities.read": "own", "activities.respond": "own", "activities.update": "own"}
ASKED, ACCEPTED, DECLINED, TENTATIVE = range(1, 5)


def stamp(moment: dt.datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment)
    return found


def meeting(customer_id: str, *people: Participant, start: dt.datetime = MONDAY, **values) -> pb.Activity:
    return pb.Activity(
        customer_id=customer_id,
        kind=pb.ACTIVITY_KIND_MEETING,
        display_name="方案评审",
        start_time=stamp(start),
        duration=Duration(seconds=3600),
        participants=people,
        **values,
    )


class Host:
    """Invites people; `guest` lies in another branch and sees nothing of the customer."""

    def __init__(self, service, admin, guest, customer_id: str) -> None:
        self.service, self.admin, self.guest, self.customer_id = service, admin, guest, customer_id
        self.stub, self.as_guest = (service.stub(ActivitiesServiceStub, one) for one in (admin, guest))

    async def invite(self, *people: Participant, **values) -> pb.Activity:
        made = meeting(self.customer_id, *people, **values)
        return await self.stub.CreateActivity(rpc.CreateActivityRequest(activity=made))

    async def invite_guest(self, **values) -> pb.Activity:
        return await self.invite(Participant(user_id=self.guest.subject), **values)

    async def update(self, made: pb.Activity, *paths: str, **values) -> pb.Activity:
        request = rpc.UpdateActivityRequest(activity=pb.Activity(id=made.id, **values))
        request.update_mask.paths.extend(paths)
        return await self.stub.UpdateActivity(request)

    async def respond(self, made: pb.Activity, response: int, stub=None) -> pb.Activity:
        request = rpc.RespondActivityRequest(id=made.id, response=response)
        return await (stub or self.as_guest).RespondActivity(request)

    async def contact(self, **values) -> contact_pb2.Contact:
        fields = {"customer_id": self.customer_id, "display_name": "王总", **values}
        stub = self.service.stub(ContactsServiceStub, self.admin)
        return await stub.CreateContact(
            contact_rpc.CreateContactRequest(contact=contact_pb2.Contact(**fields))
        )

    async def agenda(self, by=None, **whose: str) -> list[agenda_rpc.AgendaEntry]:
        request = agenda_rpc.ReadAgendaRequest(
            from_time=stamp(MONDAY - HOUR), to_time=stamp(MONDAY + 48 * HOUR), **whose
        )
        stub = self.service.stub(AgendasServiceStub, by or self.guest)
        return list((await stub.ReadAgenda(request)).entries)


@pytest.fixture
async def host(service, admin, make_customer) -> Host:
    guest = await service.add_user(GUEST, "/hq/w/")
    return Host(service, admin, guest, (await make_customer()).id)


def responses(activity: pb.Activity) -> list[int]:
    return [one.response for one in activity.participants]


class TestTakingPart:
    async def test_needs_a_caller(self, service, failure):
        stub = service.stub(ActivitiesServiceStub, None)
        call = stub.RespondActivity(rpc.RespondActivityRequest(id=str(uuid.uuid4()), response=ACCEPTED))
        assert (await failure(call)).kind is Kind.UNAUTHENTICATED

    async def test_it_opens_one_activity_to_be_read_and_answered(self, host, failure):
        made = await host.invite_guest()
        other = await host.invite()
        assert responses(made) == [ASKED]
        assert (await host.as_guest.GetActivity(rpc.GetActivityRequest(id=made.id))).id == made.id
        listed = await host.as_guest.ListActivities(rpc.ListActivitiesRequest())
        assert [one.id for one in listed.activities] == [made.id]
        counted = await host.as_guest.AggregateActivities(rpc.AggregateActivitiesRequest())
        assert [tuple(row.values) for row in counted.rows] == [("1",)]
        answered = await host.respond(made, TENTATIVE)
        assert responses(answered) == [TENTATIVE]
        assert int(answered.etag) == int(made.etag) + 1
        assert (await host.respond(made, TENTATIVE)).etag == answered.etag, "nothing changed"
        for refused in (
            host.as_guest.GetActivity(rpc.GetActivityRequest(id=other.id)),
            host.respond(other, ACCEPTED),
            host.as_guest.UpdateActivity(
                rpc.UpdateActivityRequest(activity=pb.Activity(id=made.id, display_name="x"))
            ),
        ):
            assert (await failure(refused)).kind is Kind.NOT_FOUND

    async def test_who_is_taken_out_loses_sight(self, host, failure):
        made = await host.invite_guest()
        gone = await host.update(made, "participants")
        assert not gone.participants
        lost = await failure(host.as_guest.GetActivity(rpc.GetActivityRequest(id=made.id)))
        assert lost.kind is Kind.NOT_FOUND
        assert await host.agenda() == []

    async def test_without_the_permission_it_opens_nothing(self, host, failure):
        outsider = await host.service.add_user({"customers.read": "own"}, "/hq/w/")
        made = await host.invite(Participant(user_id=outsider.subject))
        stub = host.service.stub(ActivitiesServiceStub, outsider)
        assert (await failure(stub.GetActivity(rpc.GetActivityRequest(id=made.id)))).kind is Kind.DENIED

    async def test_only_who_takes_part_answers_and_only_while_it_is_planned(self, host, failure):
        made = await host.invite_guest()
        assert (await failure(host.respond(made, ACCEPTED, host.stub))).reason == "NOT_A_PARTICIPANT"
        await host.stub.CancelActivity(rpc.CancelActivityRequest(id=made.id))
        assert (await failure(host.respond(made, ACCEPTED))).reason == "WRONG_STATE"

    async def test_a_stranger_twice_and_an_unknown_contact_are_refused(self, host, make_customer, failure):
        elsewhere = await host.contact(customer_id=(await make_customer()).id)
        people = [
            Participant(user_id=host.guest.subject),
            Participant(user_id=host.guest.subject.upper()),
            Participant(user_id=str(uuid.uuid4())),
            Participant(contact_id=elsewhere.id),
        ]
        error = await failure(host.invite(*people))
        assert [one.field for one in error.violations] == [
            "activity.participants[1].user_id",
            "activity.participants[2].user_id",
            "activity.participants[3].contact_id",
        ]

    async def test_another_time_asks_its_users_again(self, host):
        contact = await host.contact()
        made = await host.invite_guest()
        await host.respond(made, ACCEPTED)
        people = [
            Participant(user_id=host.guest.subject),
            Participant(contact_id=contact.id, response=ACCEPTED),
        ]
        both = await host.update(made, "participants", participants=people)
        assert responses(both) == [ACCEPTED, ACCEPTED], "an answer stays unless another is given"
        assert responses(await host.update(made, "display_name", display_name="评审")) == [ACCEPTED, ACCEPTED]
        moved = await host.update(made, "start_time", start_time=stamp(MONDAY + HOUR))
        assert responses(moved) == [ASKED, ACCEPTED]

    async def test_what_is_done_of_a_series_keeps_who_took_part(self, host):
        made = await host.invite_guest(recurrence=Recurrence(rule="FREQ=DAILY;COUNT=3"))
        await host.respond(made, ACCEPTED)
        done = await host.stub.CompleteActivity(
            rpc.CompleteActivityRequest(id=made.id, occurrence_time=made.start_time)
        )
        assert responses(done) == [ACCEPTED]
        assert (await host.as_guest.GetActivity(rpc.GetActivityRequest(id=done.id))).id == done.id

    async def test_is_found_by_users_and_contacts(self, host):
        contact = await host.contact()
        made = await host.invite(Participant(user_id=host.guest.subject), Participant(contact_id=contact.id))
        await host.invite()
        for key in (host.guest.subject, contact.id):
            listed = await host.stub.ListActivities(rpc.ListActivitiesRequest(filter=f'participants:"{key}"'))
            assert [one.id for one in listed.activities] == [made.id]


class TestAgendas:
    async def test_stands_in_the_agenda_of_who_has_not_declined(self, host):
        contact = await host.contact()
        made = await host.invite(Participant(user_id=host.guest.subject), Participant(contact_id=contact.id))
        (entry,) = await host.agenda()
        assert (entry.id, entry.customer_display_name) == (made.id, ""), "the customer stays unseen"
        shown = [(one.user_id, one.contact_id, bool(one.display_name)) for one in entry.participants]
        assert shown == [(host.guest.subject, "", True), ("", contact.id, False)]
        (own,) = await host.agenda(host.admin, user_id=host.guest.subject)
        assert [one.display_name for one in own.participants][1] == "王总"
        await host.respond(made, DECLINED)
        assert await host.agenda() == []
        (left,) = await host.agenda(host.admin, customer_id=host.customer_id)
        assert left.participants[0].response == participant_pb2.PARTICIPANT_RESPONSE_DECLINED

    async def test_meetings_of_two_owners_that_overlap_for_one_guest_warn(self, host):
        colleague = await host.service.add_user({"*": "all"})
        first = await host.invite_guest()
        second = await host.invite_guest(owner_id=colleague.subject, start=MONDAY + HOUR / 2)
        found = {one.id: list(one.conflict_ids) for one in await host.agenda()}
        assert found == {first.id: [second.id], second.id: [first.id]}


class TestPrivacy:
    async def test_a_contact_is_handed_out_and_erased_from_activities_of_others(self, host, make_customer):
        me = await make_customer("张伟")
        contact = await host.contact(person_customer_id=me.id)
        colleague = await host.contact(display_name="李总")
        people = [Participant(contact_id=one.id) for one in (contact, colleague)]
        made = await host.invite(*people, Participant(user_id=host.guest.subject), contact_id=contact.id)
        stub = host.service.stub(PersonalDataServiceStub, Principal.service("gateway"))
        person = person_rpc.Person(party_ids=[me.id])
        async with host.service.runtime.database.reading() as reader:
            collected = collect(HOLDINGS, Person.of(person), reader)
            rows = [one async for one in collected if one.table == "activities"]
        assert [made.id in one.json for one in rows] == [True]
        assert colleague.id not in rows[0].json
        request = person_rpc.ErasePersonalDataRequest(erasure_id=str(uuid.uuid4()), person=person)
        await stub.ErasePersonalData(request)
        left = await host.stub.GetActivity(rpc.GetActivityRequest(id=made.id))
        assert [one.contact_id or one.user_id for one in left.participants] == [
            colleague.id, host.guest.subject,
        ]  # fmt: skip
        assert left.contact_id == ""
        for key, found in ((contact.id, 0), (colleague.id, 1)):
            listed = await host.stub.ListActivities(rpc.ListActivitiesRequest(filter=f'participants:"{key}"'))
            assert len(listed.activities) == found

"""Strangers at the doors: they know the addresses, a password and what the interfaces say of themselves.

One speaks gRPC with messages made at run time from server reflection, the other runs curl. Both play the
same scenes.
"""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
import httpx
import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status
from transports import CurlTransport, ReflectionTransport

from taproot_local.api import Client
from taproot_local.demo.cast import Cast, Mailbox
from taproot_local.demo.life import play_life
from taproot_local.suite import Suite

Json = dict[str, Any]
T = TypeVar("T")
PATIENCE = 30.0
STEPS = 22


@dataclass(frozen=True)
class Call:
    """One method as both interfaces name it. `body`: the field the REST body fills; `*`: all of them."""

    rpc: str
    verb: str
    path: str
    body: str = "*"


def get(rpc: str, path: str) -> Call:
    return Call(rpc, "GET", path, "")


LOGIN = Call("taproot.identity.v1.SessionsService/Login", "POST", "/v1/sessions")
CREATE_CUSTOMER = Call(
    "taproot.customer.v1.CustomersService/CreateCustomer", "POST", "/v1/customers", "customer"
)
GET_CUSTOMER = get("taproot.customer.v1.CustomersService/GetCustomer", "/v1/customers/{id}")
LIST_CUSTOMERS = get("taproot.customer.v1.CustomersService/ListCustomers", "/v1/customers")
LIST_FORMS = get("taproot.marketing.v1.FormsService/ListForms", "/v1/forms")
SUBMIT_FORM = Call("taproot.marketing.v1.FormsService/SubmitForm", "POST", "/v1/forms/{form_id}/submissions")
LIST_LEADS = get("taproot.sales.v1.LeadsService/ListLeads", "/v1/leads")
ASSIGN_LEAD = Call("taproot.sales.v1.LeadsService/AssignLead", "POST", "/v1/leads/{id}:assign")
VERIFY_LEAD = Call("taproot.sales.v1.LeadsService/VerifyLead", "POST", "/v1/leads/{id}:verify")
ACCEPT_LEAD = Call("taproot.sales.v1.LeadsService/AcceptLead", "POST", "/v1/leads/{id}:accept")
CONVERT_LEAD = Call("taproot.sales.v1.LeadsService/ConvertLead", "POST", "/v1/leads/{id}:convert")
LIST_PRODUCTS = get("taproot.sales.v1.ProductsService/ListProducts", "/v1/products")
CREATE_ORDER = Call("taproot.sales.v1.OrdersService/CreateOrder", "POST", "/v1/orders", "order")
SUBMIT_ORDER = Call("taproot.sales.v1.OrdersService/SubmitOrder", "POST", "/v1/orders/{id}:submit")
CONFIRM_ORDER = Call("taproot.sales.v1.OrdersService/ConfirmOrder", "POST", "/v1/orders/{id}:confirm")
IDENTIFY = Call("taproot.servicedesk.v1.CallsService/IdentifyCaller", "POST", "/v1/calls:identify")
CREATE_TICKET = Call("taproot.servicedesk.v1.TicketsService/CreateTicket", "POST", "/v1/tickets", "ticket")
RESOLVE_TICKET = Call(
    "taproot.servicedesk.v1.TicketsService/ResolveTicket", "POST", "/v1/tickets/{id}:resolve"
)


class Refused(Exception):
    def __init__(self, code: str, fields: list[str], said: str) -> None:
        super().__init__(f"{code} {fields} {said}")
        self.code = code
        self.fields = fields


class Stranger(ABC):
    """A program that keeps its token and speaks in plain dictionaries."""

    token = ""
    user_id = ""

    def sign_in(self, user_name: str, password: str) -> None:
        answer = self.ask(LOGIN, {"user_name": user_name, "password": password})
        self.token, self.user_id = answer["token"], answer["current"]["user"]["id"]

    @abstractmethod
    def ask(self, call: Call, fields: Json | None = None, key: str = "", **variables: str) -> Json:
        """`key` makes a repeat harmless. Raises Refused."""


@dataclass
class ByReflection(Stranger):
    address: str
    _channel: Any = field(init=False)
    _pool: Any = field(init=False)

    def __post_init__(self) -> None:
        self._channel = grpc.insecure_channel(self.address)
        self._pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self._channel))

    def ask(self, call: Call, fields: Json | None = None, key: str = "", **variables: str) -> Json:
        service, _, name = call.rpc.partition("/")
        method = self._pool.FindServiceByName(service).FindMethodByName(name)
        content = {call.body: fields or {}} if call.body not in ("", "*") else dict(fields or {})
        content |= variables | ({"request_id": key} if key else {})
        request = message_factory.GetMessageClass(method.input_type)()
        json_format.ParseDict(content, request, descriptor_pool=self._pool)
        send = self._channel.unary_unary(
            f"/{call.rpc}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )
        metadata = (("authorization", f"Bearer {self.token}"),) if self.token else ()
        try:
            answer = send(request, metadata=metadata, timeout=PATIENCE)
        except grpc.RpcError as error:
            raise _refusal(error) from error
        return json_format.MessageToDict(answer, preserving_proto_field_name=True, descriptor_pool=self._pool)

    def close(self) -> None:
        self._channel.close()


def _refusal(error: Any) -> Refused:
    status = rpc_status.from_call(error)
    fields = []
    for detail in status.details if status else ():
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            fields = [one.field for one in bad.field_violations]
    return Refused(error.code().name, fields, error.details() or "")


@dataclass
class ByCurl(Stranger):
    url: str

    def ask(self, call: Call, fields: Json | None = None, key: str = "", **variables: str) -> Json:
        command = ["curl", "--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}"]
        command += ["--request", call.verb]
        if self.token:
            command += ["--header", f"Authorization: Bearer {self.token}"]
        if key:
            command += ["--header", f"Idempotency-Key: {key}"]
        if call.verb == "GET":
            command.append("--get")
            for name, value in (fields or {}).items():
                command += ["--data-urlencode", f"{name}={value}"]
        else:
            command += ["--header", "Content-Type: application/json", "--data", json.dumps(fields or {})]
        done = subprocess.run(
            [*command, self.url + call.path.format(**variables)], capture_output=True, text=True, check=True
        )
        text, _, status = done.stdout.rpartition("\n")
        answer: Json = json.loads(text)
        if not status.startswith("2"):
            raise Refused(status, [one["field"] for one in answer.get("violations", [])], text)
        return answer


def eventually(look: Callable[[], T]) -> T:
    deadline = time.monotonic() + PATIENCE
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found
    return found


@pytest.fixture(scope="module", params=["grpc", "curl"])
def stranger(request: Any, suite: Suite, cast: Cast) -> Iterator[Stranger]:
    """Signed in as administrator of an enterprise with a catalogue and people but without customers of its own."""
    assert cast
    if request.param == "grpc":
        found: Stranger = ByReflection(str(suite.state["grpc_address"]))
    else:
        found = ByCurl(suite.url)
    found.sign_in("admin", suite.admin_password)
    yield found
    if isinstance(found, ByReflection):
        found.close()


@dataclass
class Person:
    name: str
    phone: str
    email: str
    id: str = ""


@pytest.fixture(scope="module")
def person(stranger: Stranger) -> Person:
    number = uuid.uuid4().int % 100_000_000
    found = Person(f"Ada {number}", f"+86138{number:08d}", f"ada{number}@example.com")
    identifiers = [{"kind": "IDENTIFIER_KIND_PHONE", "value": found.phone}]
    body = {"kind": "CUSTOMER_KIND_PERSON", "display_name": found.name, "identifiers": identifiers}
    made = stranger.ask(CREATE_CUSTOMER, body, key=f"person-{number}")
    again = stranger.ask(CREATE_CUSTOMER, body, key=f"person-{number}")
    assert again["id"] == made["id"]
    found.id = made["id"]
    return found


def test_a_customer_is_read_as_it_was_made(stranger: Stranger, person: Person) -> None:
    read = stranger.ask(GET_CUSTOMER, id=person.id)
    assert (read["display_name"], read["identifiers"][0]["value"]) == (person.name, person.phone)
    assert read["etag"]
    assert read["create_time"].endswith("Z")


def test_a_list_is_filtered_ordered_and_paged(stranger: Stranger) -> None:
    mark = f"page-{uuid.uuid4().hex[:8]}"
    for letter in "cab":
        body = {"kind": "CUSTOMER_KIND_ORGANIZATION", "display_name": f"{letter} {mark}", "tags": [mark]}
        stranger.ask(CREATE_CUSTOMER, body)
    asked: Json = {"filter": f'tags : "{mark}"', "order_by": "display_name desc", "page_size": 2}
    first = stranger.ask(LIST_CUSTOMERS, asked)
    second = stranger.ask(LIST_CUSTOMERS, asked | {"page_token": first["next_page_token"]})
    names = [one["display_name"][0] for page in (first, second) for one in page["customers"]]
    assert names == ["c", "b", "a"]
    assert not second.get("next_page_token")


def test_all_that_is_wrong_is_told_at_once(stranger: Stranger) -> None:
    body = {"value_class": "Q", "identifiers": [{"kind": "IDENTIFIER_KIND_PHONE"}]}
    with pytest.raises(Refused) as refused:
        stranger.ask(CREATE_CUSTOMER, body)
    assert refused.value.code in ("INVALID_ARGUMENT", "400")
    assert {"customer.value_class", "customer.identifiers[0].value"} <= set(refused.value.fields)


def test_a_caller_without_a_name_learns_nothing(stranger: Stranger, person: Person) -> None:
    token, stranger.token = stranger.token, ""
    try:
        with pytest.raises(Refused) as refused:
            stranger.ask(GET_CUSTOMER, id=person.id)
    finally:
        stranger.token = token
    assert refused.value.code in ("UNAUTHENTICATED", "401")


def test_a_form_becomes_a_lead_and_the_lead_finds_its_customer(stranger: Stranger, person: Person) -> None:
    form = stranger.ask(LIST_FORMS, {"page_size": 1})["forms"][0]
    filled = {
        "name": person.name,
        "phone": person.phone,
        "email": person.email,
        "region": "上海",
        "consent": True,
    }
    filled |= {"product_interest": "MX-500", "message": "Please call", "language_code": "en"}
    sent = stranger.ask(SUBMIT_FORM, {"submission": filled}, form_id=form["id"])
    wanted = {"filter": f'form_submission_id = "{sent["submission_id"]}"'}
    lead = eventually(lambda: _first(stranger.ask(LIST_LEADS, wanted).get("leads", [])))
    stranger.ask(ASSIGN_LEAD, {"owner_id": stranger.user_id}, id=lead["id"])
    verdict = {
        "verification": "LEAD_VERIFICATION_CONFIRMED",
        "urgency": "LEAD_URGENCY_HIGH",
        "note": "reached",
    }
    stranger.ask(VERIFY_LEAD, verdict, id=lead["id"])
    stranger.ask(ACCEPT_LEAD, id=lead["id"])
    amount = {"currency_code": "CNY", "amount": "1200"}
    converted = stranger.ask(CONVERT_LEAD, {"amount": amount}, key=f"convert-{lead['id']}", id=lead["id"])
    assert converted["state"] == "LEAD_STATE_CONVERTED"
    assert converted["customer_id"] == person.id
    assert converted["opportunity_id"]


def test_an_order_is_submitted_and_confirmed(stranger: Stranger, person: Person) -> None:
    product = stranger.ask(LIST_PRODUCTS, {"filter": 'code = "MX-500"'})["products"][0]
    lines = [{"product_id": product["id"], "quantity": "2"}]
    made = stranger.ask(CREATE_ORDER, {"customer_id": person.id, "currency_code": "CNY", "lines": lines})
    assert made["state"] == "ORDER_STATE_DRAFT"
    assert stranger.ask(SUBMIT_ORDER, id=made["id"])["state"] == "ORDER_STATE_SUBMITTED"
    confirmed = stranger.ask(CONFIRM_ORDER, id=made["id"])
    assert confirmed["state"] == "ORDER_STATE_CONFIRMED"
    assert float(confirmed["totals"]["total"]["amount"]) > 0
    with pytest.raises(Refused) as refused:
        stranger.ask(CONFIRM_ORDER, id=made["id"])
    assert refused.value.code in ("FAILED_PRECONDITION", "409")


def test_a_caller_is_known_by_the_number(stranger: Stranger, person: Person) -> None:
    def look() -> list[str]:
        found = stranger.ask(IDENTIFY, {"phone": person.phone}).get("candidates", [])
        return [one["customer_id"] for one in found]

    assert eventually(look) == [person.id]


def test_a_ticket_is_opened_and_resolved(stranger: Stranger, person: Person) -> None:
    body = {"display_name": "Image is blurred", "kind": "TICKET_KIND_REPAIR", "customer_id": person.id}
    ticket = stranger.ask(CREATE_TICKET, body | {"priority": "TICKET_PRIORITY_HIGH", "channel": "phone"})
    assert ticket["number"]
    solved = stranger.ask(
        RESOLVE_TICKET, {"resolution": "Recalibrated", "root_cause": "transport"}, id=ticket["id"]
    )
    assert solved["state"] == "TICKET_STATE_RESOLVED"


def _first(found: list[Json]) -> Json | None:
    return found[0] if found else None


@pytest.mark.parametrize("way", ["grpc", "curl"])
async def test_a_whole_life_is_played_by_strangers(way: str, suite: Suite, cast: Cast) -> None:
    """Every step of the demo, sent by curl or as gRPC by reflection."""
    assert cast
    by_grpc = way == "grpc"
    transport: Any = ReflectionTransport(str(suite.state["grpc_address"])) if by_grpc else CurlTransport()
    http = httpx.AsyncClient(base_url=suite.url, transport=transport, timeout=30)
    async with Client(http) as visitor:
        admin = await visitor.signed_in("admin", suite.admin_password)
        life = await play_life(Cast(admin, Mailbox(admin, suite.mail_url)), 8001 + by_grpc)
    assert transport.requests > STEPS
    assert {entry["event_type"] for entry in life.timeline} >= {
        "invoice.paid",
        "ticket.resolved",
        "loyalty_account.earned",
    }

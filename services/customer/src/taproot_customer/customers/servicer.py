"""gRPC of customers: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot_base import wire
from taproot_base.errors import AppError
from taproot_base.ids import new_id
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.customers import batches, handlers, messages, queries
from taproot_customer.customers.access import AccessTokens
from taproot_customer.customers.model import Customer, Key
from taproot_customer.facts import fields as facts
from taproot_customer.hierarchies.model import TREE_LOCK
from taproot_customer.settings import CustomerSettings
from taproot_records.checks import Checks
from taproot_records.statuses import refused_before, to_status
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields, require_custom


class CustomersServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._settings = runtime.settings
        self._lists = Lists(runtime.page_key)
        self._tokens = AccessTokens(runtime.page_key)

    async def GetCustomer(self, request: rpc.GetCustomerRequest, _context: Any) -> pb.Customer:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListCustomers(
        self, request: rpc.ListCustomersRequest, _context: Any
    ) -> rpc.ListCustomersResponse:
        async def query(reader: Reader) -> rpc.ListCustomersResponse:
            page = await self._lists.page(reader, facts.RESOURCE, facts.listed(), Customer, request)
            customers = [messages.to_message(row) for row in page.rows]
            return rpc.ListCustomersResponse(customers=customers, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateCustomers(
        self, request: rpc.AggregateCustomersRequest, _context: Any
    ) -> rpc.AggregateCustomersResponse:
        async def query(reader: Reader) -> rpc.AggregateCustomersResponse:
            rows = await aggregate(reader, facts.RESOURCE, facts.listed(), Customer, request)
            return rpc.AggregateCustomersResponse(rows=rows)

        return await self.read(query)

    async def CreateCustomer(self, request: rpc.CreateCustomerRequest, _context: Any) -> pb.Customer:
        command = self._parse_new(request.customer)
        refuse = self._settings.hidden_match_policy == "request"

        async def act(work: UnitOfWork) -> pb.Customer:
            made = await handlers.create_customer(command, work, self._tokens, refuse_hidden=refuse)
            return messages.to_message(made)

        return await self.once(request, act, self._read, locks=_locks(command), known_id=str(command.id))

    async def BatchCreateCustomers(
        self, request: rpc.BatchCreateCustomersRequest, _context: Any
    ) -> rpc.BatchCreateCustomersResponse:
        asked = [self._readable(part.customer) for part in request.requests]
        refuse = self._settings.hidden_match_policy == "request"

        async def act(work: UnitOfWork) -> rpc.BatchCreateCustomersResponse:
            outcomes = await batches.create_customers(
                asked, work, self._tokens, refuse_hidden=refuse, partial=request.partial
            )
            return rpc.BatchCreateCustomersResponse(results=map(_result, outcomes))

        locks = {lock for one in asked if not isinstance(one, AppError) for lock in _locks(one)}
        return await self.once(request, act, _get_batch, locks=sorted(locks), result_id=_batch_ids)

    def _readable(self, message: pb.Customer) -> batches.Asked:
        try:
            return self._parse_new(message)
        except AppError as error:
            return error

    async def MatchOrCreateCustomer(
        self, request: rpc.MatchOrCreateCustomerRequest, _context: Any
    ) -> rpc.MatchOrCreateCustomerResponse:
        command = self._parse_new(request.customer)

        async def act(work: UnitOfWork) -> rpc.MatchOrCreateCustomerResponse:
            found = await handlers.match_or_create_customer(command, work)
            return rpc.MatchOrCreateCustomerResponse(
                customer_id=str(found.customer_id), created=found.created
            )

        async def again(_reader: Reader, key: str) -> rpc.MatchOrCreateCustomerResponse:
            return rpc.MatchOrCreateCustomerResponse(customer_id=key)

        return await self.once(
            request,
            act,
            again,
            locks=queries.locks_of(command.keys),
            result_id=lambda response: response.customer_id,
        )

    async def UpdateCustomer(self, request: rpc.UpdateCustomerRequest, _context: Any) -> pb.Customer:
        message = request.customer
        names = changed_fields(message, request.update_mask, messages.FIELDS, messages.BY_VERB)
        values = messages.to_values(message, names)
        keys = messages.keys_of(message, self._settings.default_region) if "identifiers" in names else None
        command = handlers.UpdateCustomer(uuid.UUID(message.id), message.etag, values, keys)

        async def act(work: UnitOfWork) -> pb.Customer:
            return messages.to_message(await handlers.update_customer(command, work))

        return await self.once(request, act, self._read, locks=_locks(command))

    async def AssignCustomer(self, request: rpc.AssignCustomerRequest, _context: Any) -> pb.Customer:
        owner, branch = wire.optional_uuid(request.owner_id), wire.optional_uuid(request.branch_id)
        command = handlers.AssignCustomer(uuid.UUID(request.id), request.etag, owner, branch)

        async def act(work: UnitOfWork) -> pb.Customer:
            customer, seen = await handlers.assign_customer(command, work)
            return messages.to_message(customer) if seen else pb.Customer(id=request.id, etag=customer.etag)

        return await self.once(request, act, self._read)

    async def DeleteCustomer(self, request: rpc.DeleteCustomerRequest, _context: Any) -> pb.Customer:
        async def act(work: UnitOfWork) -> pb.Customer:
            return messages.to_message(
                await handlers.delete_customer(uuid.UUID(request.id), request.etag, work)
            )

        return await self.once(request, act, self._read)

    async def UndeleteCustomer(self, request: rpc.UndeleteCustomerRequest, _context: Any) -> pb.Customer:
        async def act(work: UnitOfWork) -> pb.Customer:
            return messages.to_message(await handlers.undelete_customer(uuid.UUID(request.id), work))

        return await self.once(request, act, self._read)

    async def _read(self, reader: Reader, key: str) -> pb.Customer:
        return messages.to_message(await queries.get_customer(reader, uuid.UUID(key)))

    def _parse_new(self, message: pb.Customer) -> handlers.CreateCustomer:
        checks, values, keys = Checks(), dict[str, Any](), list[Key]()
        present = {field.name for field, _ in message.ListFields()} | {"status"}
        with checks:
            messages.check_new(message)
        with checks:
            values = messages.to_values(message, (name for name in messages.FIELDS if name in present))
        with checks:
            require_custom(message.custom, "customer.custom")
        with checks:
            keys = messages.keys_of(message, self._settings.default_region)
        checks.done()
        return handlers.CreateCustomer(
            id=wire.optional_uuid(message.id) or new_id(),
            values=values,
            keys=keys,
            owner_id=wire.optional_uuid(message.owner_id),
            branch_id=wire.optional_uuid(message.branch_id),
        )


def _result(outcome: batches.Outcome) -> rpc.BatchCreateCustomersResult:
    if outcome.error is not None:
        return rpc.BatchCreateCustomersResult(error=to_status(outcome.error))
    assert outcome.customer is not None
    return rpc.BatchCreateCustomersResult(customer=messages.to_message(outcome.customer))


def _batch_ids(response: rpc.BatchCreateCustomersResponse) -> str:
    return ",".join(result.customer.id for result in response.results)


async def _get_batch(reader: Reader, ids: str) -> rpc.BatchCreateCustomersResponse:
    """A repeat: what was created is read again; what was refused then is not tried again."""
    keys = ids.split(",")
    known = await queries.get_customers(reader, [uuid.UUID(key) for key in keys if key])
    return rpc.BatchCreateCustomersResponse(
        results=[
            rpc.BatchCreateCustomersResult(customer=messages.to_message(known[key]))
            if key in known
            else rpc.BatchCreateCustomersResult(error=refused_before())
            for key in keys
        ]
    )


def _locks(command: handlers.CreateCustomer | handlers.UpdateCustomer) -> list[int]:
    """Of the identifiers and, when there is a parent, of the hierarchy."""
    tree = [TREE_LOCK] if command.values.get("parent_id") else []
    return queries.locks_of(command.keys or ()) + tree

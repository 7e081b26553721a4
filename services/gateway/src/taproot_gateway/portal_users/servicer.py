"""gRPC of portal users: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1.customer_service_pb2 import GetCustomerRequest
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.identity.v1 import portal_user_service_pb2 as rpc
from taproot.identity.v1 import user_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Unavailable
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_chassis.validation import violations_of
from taproot_gateway.portal_users.handlers import InvitePortalUser, invite_portal_user
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users import messages
from taproot_gateway.users.model import name_key
from taproot_gateway.users.queries import own_record
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key


class PortalUsersServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings]) -> None:
        super().__init__(runtime.database)
        self._peers = runtime.peers

    async def InvitePortalUser(self, request: rpc.InvitePortalUserRequest, _context: Any) -> pb.User:
        if violations_of(pb.User(user_name=request.email)):
            raise InvalidArgument([("email", "has characters a user name cannot have")])
        customer = await self._customer(request.customer_id)
        command = InvitePortalUser(
            customer_id=uuid.UUID(customer.id),
            branch_id=wire.optional_uuid(customer.branch_id),
            email=request.email,
            display_name=request.display_name or request.email,
            language_code=request.language_code,
        )

        async def act(work: UnitOfWork) -> pb.User:
            return await self._read(work, str(await invite_portal_user(command, work)))

        return await self.once(request, act, self._read, locks=[lock_key("user", name_key(request.email))])

    async def _customer(self, key: str) -> Any:
        """As the caller sees it: nobody invites for a customer they cannot read."""
        try:
            stub: Any = CustomersServiceStub(self._peers.channel("customer"))
        except KeyError:
            raise Unavailable("no address is set for the service customer") from None
        return await self._peers.call(stub.GetCustomer, GetCustomerRequest(id=key))

    async def _read(self, reader: Reader, key: str) -> pb.User:
        return messages.to_message(await own_record(reader, uuid.UUID(key)))

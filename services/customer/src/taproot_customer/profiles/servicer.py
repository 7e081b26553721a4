"""gRPC of the profile."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any
from zoneinfo import ZoneInfo

from taproot.customer.v1 import profile_pb2 as pb
from taproot.customer.v1 import profile_service_pb2 as rpc
from taproot_base.context import current_call
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.facts.fields import ACTIVITIES, ORDERS
from taproot_customer.profiles import messages, queries
from taproot_customer.profiles.expiring import EXPIRY_DAYS
from taproot_customer.profiles.sight import Sight
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader
from taproot_storage.reads import unread


class ProfilesServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._currency = runtime.settings.default_currency

    async def GetCustomerProfile(
        self, request: rpc.GetCustomerProfileRequest, _context: Any
    ) -> pb.CustomerProfile:
        within = request.expiry_days or EXPIRY_DAYS

        async def query(reader: Reader) -> pb.CustomerProfile:
            now = reader.clock.now()
            today = now.astimezone(_zone()).date()
            row = await queries.read_profile(reader, uuid.UUID(request.id), today)
            return messages.to_message(row, _sight(now, today), self._currency, within)

        return await self.read(query)


def _sight(now: dt.datetime, today: dt.date) -> Sight:
    denied = unread({ACTIVITIES, ORDERS}, "customers.read")
    return Sight(now, today, current_call().masked, ACTIVITIES not in denied, ORDERS not in denied)


def _zone() -> ZoneInfo:
    """Days are counted where the caller is."""
    call = current_call()
    branch = call.directory.paths.get(call.principal.branch_path or "")
    return ZoneInfo(branch.time_zone if branch else "UTC")

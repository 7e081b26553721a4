"""gRPC of loyalty: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.marketing.v1 import loyalty_account_service_pb2 as rpc
from taproot.marketing.v1 import loyalty_pb2 as pb
from taproot.marketing.v1 import loyalty_program_service_pb2 as programs
from taproot_chassis.service import Runtime
from taproot_marketing.loyalty import handlers, messages, queries
from taproot_marketing.loyalty.handlers import Movement
from taproot_marketing.loyalty.model import LoyaltyAccount, LoyaltyProgram
from taproot_marketing.loyalty.queries import PROGRAMS, SHELF
from taproot_marketing.settings import MarketingSettings
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given, new_key
from taproot_storage.database import Reader, UnitOfWork


class LoyaltyProgramsServicer(ResourceServicer[pb.LoyaltyProgram]):
    def __init__(self, runtime: Runtime[MarketingSettings]) -> None:
        super().__init__(runtime, PROGRAMS)

    async def GetLoyaltyProgram(
        self, request: programs.GetLoyaltyProgramRequest, _context: Any
    ) -> pb.LoyaltyProgram:
        return await self.read(lambda reader: queries.get_program(reader, request.id))

    async def ListLoyaltyPrograms(
        self, request: programs.ListLoyaltyProgramsRequest, _context: Any
    ) -> programs.ListLoyaltyProgramsResponse:
        return await self.page(request, programs.ListLoyaltyProgramsResponse, "loyalty_programs")

    async def CreateLoyaltyProgram(
        self, request: programs.CreateLoyaltyProgramRequest, _context: Any
    ) -> pb.LoyaltyProgram:
        async def act(work: UnitOfWork) -> pb.LoyaltyProgram:
            key = await new_key(work, LoyaltyProgram, request.loyalty_program.id)
            made = await handlers.create_program(key, given(request.loyalty_program, LoyaltyProgram), work)
            return messages.program_message(made)

        return await self.once(request, act, PROGRAMS.get)

    async def UpdateLoyaltyProgram(
        self, request: programs.UpdateLoyaltyProgramRequest, _context: Any
    ) -> pb.LoyaltyProgram:
        program = request.loyalty_program
        values = changes(program, request.update_mask, LoyaltyProgram)

        async def act(work: UnitOfWork) -> pb.LoyaltyProgram:
            done = await handlers.update_program(program.id, program.etag, values, work)
            return messages.program_message(done)

        return await self.once(request, act, PROGRAMS.get)

    async def DeleteLoyaltyProgram(
        self, request: programs.DeleteLoyaltyProgramRequest, _context: Any
    ) -> pb.LoyaltyProgram:
        async def act(work: UnitOfWork) -> pb.LoyaltyProgram:
            return messages.program_message(await handlers.delete_program(request.id, request.etag, work))

        async def again(_reader: Reader, key: str) -> pb.LoyaltyProgram:
            return pb.LoyaltyProgram(id=key)

        return await self.once(request, act, again)


class LoyaltyAccountsServicer(ResourceServicer[pb.LoyaltyAccount]):
    def __init__(self, runtime: Runtime[MarketingSettings]) -> None:
        super().__init__(runtime, SHELF)

    async def GetLoyaltyAccount(
        self, request: rpc.GetLoyaltyAccountRequest, _context: Any
    ) -> pb.LoyaltyAccount:
        return await self.get(request.id)

    async def ListLoyaltyAccounts(
        self, request: rpc.ListLoyaltyAccountsRequest, _context: Any
    ) -> rpc.ListLoyaltyAccountsResponse:
        return await self.page(request, rpc.ListLoyaltyAccountsResponse, "loyalty_accounts")

    async def AggregateLoyaltyAccounts(
        self, request: rpc.AggregateLoyaltyAccountsRequest, _context: Any
    ) -> rpc.AggregateLoyaltyAccountsResponse:
        return await self.aggregate(request, rpc.AggregateLoyaltyAccountsResponse)

    async def CreateLoyaltyAccount(
        self, request: rpc.CreateLoyaltyAccountRequest, _context: Any
    ) -> pb.LoyaltyAccount:
        account = request.loyalty_account

        async def act(work: UnitOfWork) -> pb.LoyaltyAccount:
            key = await new_key(work, LoyaltyAccount, account.id)
            return messages.account_message(await handlers.join(key, given(account, LoyaltyAccount), work))

        locks = [handlers.account_lock(account.program_id, account.customer_id)]
        return await self.once(request, act, SHELF.get, locks=locks)

    async def EarnLoyaltyAccount(
        self, request: rpc.EarnLoyaltyAccountRequest, _context: Any
    ) -> pb.LoyaltyTransaction:
        return await self._move(request, "earn", request.points, request.business_key)

    async def RedeemLoyaltyAccount(
        self, request: rpc.RedeemLoyaltyAccountRequest, _context: Any
    ) -> pb.LoyaltyTransaction:
        return await self._move(request, "redeem", -request.points, request.business_key)

    async def AdjustLoyaltyAccount(
        self, request: rpc.AdjustLoyaltyAccountRequest, _context: Any
    ) -> pb.LoyaltyTransaction:
        return await self._move(request, "adjust", request.points, "")

    async def _move(self, request: Any, kind: str, points: int, business_key: str) -> pb.LoyaltyTransaction:
        async def act(work: UnitOfWork) -> pb.LoyaltyTransaction:
            movement = Movement(kind, points, request.reason, business_key)
            row = await handlers.move_points(request.id, request.etag, movement, work)
            return messages.transaction_message(row)

        return await self.once(request, act, queries.get_transaction)

    async def ListLoyaltyTransactions(
        self, request: rpc.ListLoyaltyTransactionsRequest, _context: Any
    ) -> rpc.ListLoyaltyTransactionsResponse:
        return await self.read(lambda reader: queries.list_transactions(reader, request, self.lists))

"""Loyalty: the ledger always balances and nobody spends twice."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marketing_world import World, failure

from taproot.marketing.events.v1.loyalty_account_event_pb2 import LoyaltyAccountEvent
from taproot.marketing.v1 import loyalty_account_service_pb2 as rpc
from taproot.marketing.v1 import loyalty_pb2 as pb
from taproot.marketing.v1 import loyalty_program_service_pb2 as programs
from taproot.marketing.v1.loyalty_account_service_pb2_grpc import LoyaltyAccountsServiceStub
from taproot.marketing.v1.loyalty_program_service_pb2_grpc import LoyaltyProgramsServiceStub
from taproot_base.auth import Principal
from taproot_base.context import calling
from taproot_base.errors import AppError, Kind
from taproot_marketing.loyalty import handlers, queries
from taproot_marketing.loyalty.model import LoyaltyProgram
from taproot_records.writing import load_any
from taproot_testkit import Harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(service: Harness) -> Any:
    return service.stub(LoyaltyAccountsServiceStub, await service.admin())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clubs(service: Harness) -> Any:
    return service.stub(LoyaltyProgramsServiceStub, await service.admin())


async def club(clubs: Any, **values: Any) -> pb.LoyaltyProgram:
    tiers = [pb.LoyaltyTier(name="silver", min_points=100), pb.LoyaltyTier(name="gold", min_points=500)]
    made = pb.LoyaltyProgram(display_name="Club", tiers=tiers, **values)
    return await clubs.CreateLoyaltyProgram(programs.CreateLoyaltyProgramRequest(loyalty_program=made))


async def join(desk: Any, program: str, customer: str) -> pb.LoyaltyAccount:
    account = pb.LoyaltyAccount(program_id=program, customer_id=customer)
    return await desk.CreateLoyaltyAccount(rpc.CreateLoyaltyAccountRequest(loyalty_account=account))


async def balance(desk: Any, key: str) -> int:
    return (await desk.GetLoyaltyAccount(rpc.GetLoyaltyAccountRequest(id=key))).balance


async def sum_of_books(service: Harness) -> tuple[int, int]:
    """Sum over the whole ledger, and how many accounts differ from their book."""
    async with service.runtime.database.reading() as reader:
        total = await reader.connection.fetchval("SELECT coalesce(sum(points), 0) FROM loyalty_entries")
        wrong = await reader.connection.fetchval(
            "SELECT count(*) FROM loyalty_accounts a WHERE balance <> (SELECT coalesce(sum(points), 0) "
            "FROM loyalty_entries WHERE book = 'account:' || a.id)"
        )
    return int(total), int(wrong)


class TestOpening:
    async def test_an_account_opened_while_its_customer_changes_follows_the_change(
        self, service: Harness, world: World, desk: Any, clubs: Any
    ):
        program, customer = await club(clubs), await world.customer("Before")
        with calling(service.runtime.system_call()):
            async with service.runtime.database.unit() as work:
                club_row = await load_any(work, LoyaltyProgram, uuid.UUID(program.id), queries.WORK)
                account = await handlers.account_for(club_row, uuid.UUID(customer), work)
                change = asyncio.ensure_future(world.change_customer(customer, 2, "After"))
                done, _ = await asyncio.wait({change}, timeout=0.5)
        await change
        assert not done  # it waited for the account
        found = await desk.GetLoyaltyAccount(rpc.GetLoyaltyAccountRequest(id=str(account.id)))
        assert found.display_name == "After"


class TestMovements:
    async def test_earn_redeem_adjust_and_the_tier(self, service, world, desk, clubs):
        program = await club(clubs)
        account = await join(desk, program.id, await world.customer())
        earn = rpc.EarnLoyaltyAccountRequest(id=account.id, points=120, reason="gift", business_key="g1")
        first, second = await desk.EarnLoyaltyAccount(earn), await desk.EarnLoyaltyAccount(earn)
        assert (first.id, first.balance_after) == (second.id, 120)
        spent = await desk.RedeemLoyaltyAccount(rpc.RedeemLoyaltyAccountRequest(id=account.id, points=50))
        assert (spent.points, spent.balance_after) == (-50, 70)
        await desk.AdjustLoyaltyAccount(
            rpc.AdjustLoyaltyAccountRequest(id=account.id, points=-20, reason="error")
        )
        found = await desk.GetLoyaltyAccount(rpc.GetLoyaltyAccountRequest(id=account.id))
        assert (found.balance, found.lifetime_points, found.tier) == (50, 100, "silver")
        listed = await desk.ListLoyaltyTransactions(rpc.ListLoyaltyTransactionsRequest(account_id=account.id))
        assert sorted(t.points for t in listed.transactions) == [-50, -20, 120]
        totals = await clubs.GetLoyaltyProgram(programs.GetLoyaltyProgramRequest(id=program.id))
        assert (totals.issued_points, totals.redeemed_points) == (120, 50)
        events = [
            e for e in await service.events(5, of="loyalty_account.*") if str(e.aggregate_id) == account.id
        ]
        assert [e.name for e in events] == ["created", "earned", "tier_changed", "redeemed", "adjusted"]
        assert events[3].decode(LoyaltyAccountEvent).transaction.points == -50
        assert await sum_of_books(service) == (0, 0)

    async def test_never_below_zero_whoever_spends_at_once(self, service, world, desk, clubs):
        account = await join(desk, (await club(clubs)).id, await world.customer())
        await desk.EarnLoyaltyAccount(rpc.EarnLoyaltyAccountRequest(id=account.id, points=100))

        async def spend() -> bool:
            try:
                await desk.RedeemLoyaltyAccount(rpc.RedeemLoyaltyAccountRequest(id=account.id, points=30))
            except AppError as error:
                assert error.reason == "LOYALTY_BALANCE_TOO_LOW"  # noqa: PT017
                return False
            return True

        spent = await asyncio.gather(*(spend() for _ in range(20)))
        assert sum(spent) == 3
        assert await balance(desk, account.id) == 10
        assert await sum_of_books(service) == (0, 0)

    async def test_a_request_id_moves_points_once(self, world, desk, clubs):
        account = await join(desk, (await club(clubs)).id, await world.customer())
        request = rpc.EarnLoyaltyAccountRequest(id=account.id, points=5, request_id=str(uuid.uuid4()))
        moved = await asyncio.gather(*(desk.EarnLoyaltyAccount(request) for _ in range(5)))
        assert len({movement.id for movement in moved}) == 1
        assert await balance(desk, account.id) == 5


class TestLedger:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(st.sampled_from(["earn", "redeem", "adjust"]), st.integers(-400, 400).filter(bool)),
            max_size=12,
        )
    )
    async def test_any_movements_balance(self, service: Harness, desk: Any, clubs: Any, moves: Any) -> None:
        account = await join(desk, (await club(clubs)).id, await World(service).customer())
        expected = 0
        for kind, points in moves:
            change = points if kind == "adjust" else abs(points) if kind == "earn" else -abs(points)
            call = {
                "earn": lambda p: desk.EarnLoyaltyAccount(
                    rpc.EarnLoyaltyAccountRequest(id=account.id, points=p)
                ),
                "redeem": lambda p: desk.RedeemLoyaltyAccount(
                    rpc.RedeemLoyaltyAccountRequest(id=account.id, points=-p)
                ),
                "adjust": lambda p: desk.AdjustLoyaltyAccount(
                    rpc.AdjustLoyaltyAccountRequest(id=account.id, points=p, reason="r")
                ),
            }[kind]
            if expected + change < 0:
                assert (await failure(call(change))).reason == "LOYALTY_BALANCE_TOO_LOW"
            else:
                assert (await call(change)).balance_after == expected + change
                expected += change
        assert await balance(desk, account.id) == expected
        assert await sum_of_books(service) == (0, 0)


class TestPayments:
    async def test_a_payment_gives_points_exactly_once(self, service, world, desk, clubs):
        program = await club(clubs, amount_per_point="10", currency_code="CNY", auto_join=True)
        customer = await world.customer()
        event = world.payment(customer, "1234.50")
        await asyncio.gather(*(service.deliver(event) for _ in range(4)))
        await service.deliver(world.payment(customer, "1234.50", key=str(event.aggregate_id)))
        (account,) = (
            await desk.ListLoyaltyAccounts(
                rpc.ListLoyaltyAccountsRequest(
                    filter=f'customer_id = "{customer}" AND program_id = "{program.id}"'
                )
            )
        ).loyalty_accounts
        assert (account.balance, account.tier) == (123, "silver")
        await service.deliver(world.payment(customer, "1234.50", "reversed", key=str(event.aggregate_id)))
        assert await balance(desk, account.id) == 0
        assert await sum_of_books(service) == (0, 0)
        await clubs.UpdateLoyaltyProgram(
            programs.UpdateLoyaltyProgramRequest(
                loyalty_program=pb.LoyaltyProgram(id=program.id, closed=True)
            )
        )

    async def test_only_members_and_only_the_currency_without_auto_join(self, service, world, desk, clubs):
        program = await club(clubs, amount_per_point="10", currency_code="CNY")
        stranger, member = await world.customer(), await world.customer()
        account = await join(desk, program.id, member)
        for customer in (stranger, member):
            await service.deliver(world.payment(customer, "100"))
        assert await balance(desk, account.id) == 10
        found = await desk.ListLoyaltyAccounts(
            rpc.ListLoyaltyAccountsRequest(
                filter=f'customer_id = "{stranger}" AND program_id = "{program.id}"'
            )
        )
        assert not found.loyalty_accounts


class TestAccess:
    async def test_a_customer_joins_once_and_sees_only_the_own_account(self, service, world, desk, clubs):
        program = await club(clubs)
        mine, other = await world.customer(), await world.customer()
        account = await join(desk, program.id, mine)
        assert (await failure(join(desk, program.id, mine))).reason == "LOYALTY_ACCOUNT_EXISTS"
        theirs = await join(desk, program.id, other)
        portal = service.stub(
            LoyaltyAccountsServiceStub, Principal(subject=str(uuid.uuid4()), kind="portal", party_id=mine)
        )
        assert (await portal.GetLoyaltyAccount(rpc.GetLoyaltyAccountRequest(id=account.id))).id == account.id
        hidden = portal.GetLoyaltyAccount(rpc.GetLoyaltyAccountRequest(id=theirs.id))
        assert (await failure(hidden)).kind is Kind.NOT_FOUND

    async def test_a_faulty_programme_is_refused_with_every_fault(self, clubs):
        program = pb.LoyaltyProgram(
            amount_per_point="10", tiers=[pb.LoyaltyTier(name="a"), pb.LoyaltyTier(name="b")]
        )
        request = programs.CreateLoyaltyProgramRequest(loyalty_program=program)
        error = await failure(clubs.CreateLoyaltyProgram(request))
        assert {violation.field for violation in error.violations} == {
            "loyalty_program.display_name",
            "loyalty_program.currency_code",
            "loyalty_program.tiers",
        }

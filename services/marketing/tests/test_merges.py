"""What is kept per customer follows merges, and comes back when they are undone; nothing is lost or doubled."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest_asyncio
from marketing_world import World, failure

from taproot.marketing.v1 import customer_score_service_pb2 as score_rpc
from taproot.marketing.v1 import loyalty_account_service_pb2 as rpc
from taproot.marketing.v1 import loyalty_pb2 as pb
from taproot.marketing.v1 import loyalty_program_service_pb2 as programs
from taproot.marketing.v1 import score_pb2
from taproot.marketing.v1 import score_rule_service_pb2 as rules
from taproot.marketing.v1.customer_score_service_pb2_grpc import CustomerScoresServiceStub
from taproot.marketing.v1.loyalty_account_service_pb2_grpc import LoyaltyAccountsServiceStub
from taproot.marketing.v1.loyalty_program_service_pb2_grpc import LoyaltyProgramsServiceStub
from taproot.marketing.v1.score_rule_service_pb2_grpc import ScoreRulesServiceStub
from taproot_base.auth import Principal
from taproot_testkit import Harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(service: Harness) -> Any:
    return service.stub(LoyaltyAccountsServiceStub, await service.admin())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def program(service: Harness) -> str:
    clubs = service.stub(LoyaltyProgramsServiceStub, await service.admin())
    made = pb.LoyaltyProgram(display_name="Club", tiers=[pb.LoyaltyTier(name="silver", min_points=100)])
    request = programs.CreateLoyaltyProgramRequest(loyalty_program=made)
    return str((await clubs.CreateLoyaltyProgram(request)).id)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scores(service: Harness) -> Any:
    desk = service.stub(ScoreRulesServiceStub, await service.admin())
    made = score_pb2.ScoreRule(display_name="r", event_type="payment.received", points=80)
    await desk.CreateScoreRule(rules.CreateScoreRuleRequest(score_rule=made))
    return service.stub(CustomerScoresServiceStub, await service.admin())


class Club:
    """Loyalty as staff sees it."""

    def __init__(self, desk: Any, program: str) -> None:
        self.desk = desk
        self.program = program

    async def join(self, customer: str, points: int = 0) -> str:
        account = pb.LoyaltyAccount(program_id=self.program, customer_id=customer)
        made = await self.desk.CreateLoyaltyAccount(rpc.CreateLoyaltyAccountRequest(loyalty_account=account))
        if points:
            await self.earn(made.id, points)
        return str(made.id)

    async def earn(self, account: str, points: int) -> pb.LoyaltyTransaction:
        return await self.desk.EarnLoyaltyAccount(rpc.EarnLoyaltyAccountRequest(id=account, points=points))

    async def spend(self, account: str, points: int) -> pb.LoyaltyTransaction:
        request = rpc.RedeemLoyaltyAccountRequest(id=account, points=points)
        return await self.desk.RedeemLoyaltyAccount(request)

    async def state(self, account: str) -> tuple[int, int, str]:
        found = await self.desk.GetLoyaltyAccount(rpc.GetLoyaltyAccountRequest(id=account))
        return found.balance, found.lifetime_points, found.tier

    async def of(self, customer: str) -> dict[str, int]:
        """Account -> balance, as listed by a customer."""
        text = f'customer_id = "{customer}" AND program_id = "{self.program}"'
        page = await self.desk.ListLoyaltyAccounts(rpc.ListLoyaltyAccountsRequest(filter=text))
        return {account.id: account.balance for account in page.loyalty_accounts}


async def ledger(service: Harness, account: str) -> list[Any]:
    async with service.runtime.database.reading() as reader:
        rows = await reader.connection.fetch(
            "SELECT * FROM loyalty_transactions WHERE account_id = $1 ORDER BY id", uuid.UUID(account)
        )
        entries = await reader.connection.fetchval("SELECT coalesce(sum(points), 0) FROM loyalty_entries")
        wrong = await reader.connection.fetchval(
            "SELECT count(*) FROM loyalty_accounts a WHERE balance <> (SELECT coalesce(sum(points), 0) "
            "FROM loyalty_entries WHERE book = 'account:' || a.id)"
        )
    assert (int(entries), int(wrong)) == (0, 0)
    return [tuple(row) for row in rows]


class TestPoints:
    async def test_add_up_on_the_survivor_and_part_again(self, service, desk, program) -> None:
        world, club, merge_id = World(service), Club(desk, program), str(uuid.uuid4())
        root, source = await world.customer("Root"), await world.customer("Source")
        theirs, mine = await club.join(root, 60), await club.join(source, 50)
        before = await ledger(service, mine)
        await world.merge(root, source, merge_id=merge_id)
        assert await club.state(theirs) == (110, 110, "silver")
        assert await club.of(root) == await club.of(source) == {theirs: 110, mine: 0}
        after = await ledger(service, mine)
        assert after[: len(before)] == before
        spent = await club.spend(mine, 70)
        assert (spent.account_id, spent.balance_after) == (theirs, 40)
        assert (await failure(club.spend(mine, 41))).reason == "LOYALTY_BALANCE_TOO_LOW"
        await world.merge(root, source, 3, merge_id=merge_id, undo=True)
        assert sum((await club.of(root)).values()) + sum((await club.of(source)).values()) == 40
        assert await club.state(mine) == (40, 50, "")
        assert await club.state(theirs) == (0, 60, "")
        assert (await ledger(service, mine))[: len(after)] == after

    async def test_a_survivor_who_had_not_joined_gets_an_account(self, service, desk, program) -> None:
        world, club = World(service), Club(desk, program)
        root, source = await world.customer("Root"), await world.customer("Source")
        mine = await club.join(source, 30)
        await world.merge(root, source, merge_id=str(uuid.uuid4()))
        found = await club.of(root)
        assert sorted(found.values()) == [0, 30]
        assert found[mine] == 0
        portal = Principal(subject=str(uuid.uuid4()), kind="portal", party_id=source)
        (theirs,) = set(found) - {mine}
        stub = service.stub(LoyaltyAccountsServiceStub, portal)
        assert (await stub.GetLoyaltyAccount(rpc.GetLoyaltyAccountRequest(id=theirs))).balance == 30

    async def test_chains_bring_everything_to_the_last_survivor_and_back(
        self, service, desk, program
    ) -> None:
        world, club = World(service), Club(desk, program)
        a, b, c = [await world.customer(name) for name in "ABC"]
        accounts = [await club.join(key, points) for key, points in ((a, 1), (b, 20), (c, 300))]
        first, second = str(uuid.uuid4()), str(uuid.uuid4())

        async def balances() -> list[int]:
            return [(await club.state(account))[0] for account in accounts]

        await world.merge(b, a, merge_id=first)
        await world.merge(c, b, merge_id=second)
        assert await balances() == [0, 0, 321]
        await world.merge(c, b, 3, merge_id=second, undo=True)
        assert await balances() == [0, 21, 300]
        await world.merge(b, a, 3, merge_id=first, undo=True)
        assert await balances() == [1, 20, 300]

    async def test_a_payment_of_the_merged_one_reversed_later_costs_the_survivor(self, service, desk) -> None:
        world = World(service)
        clubs = service.stub(LoyaltyProgramsServiceStub, await service.admin())
        made = pb.LoyaltyProgram(display_name="P", amount_per_point="1", currency_code="CNY", auto_join=True)
        request = programs.CreateLoyaltyProgramRequest(loyalty_program=made)
        club = Club(desk, (await clubs.CreateLoyaltyProgram(request)).id)
        root, source = await world.customer("Root"), await world.customer("Source")
        paid = world.payment(source, "40")
        await service.deliver(paid)
        await world.merge(root, source, merge_id=str(uuid.uuid4()))
        await service.deliver(world.payment(source, "2"))
        assert sorted((await club.of(root)).values()) == [0, 42]
        await service.deliver(world.payment(source, "40", "reversed", key=str(paid.aggregate_id)))
        assert sorted((await club.of(root)).values()) == [0, 2]
        await clubs.UpdateLoyaltyProgram(
            programs.UpdateLoyaltyProgramRequest(
                loyalty_program=pb.LoyaltyProgram(id=club.program, closed=True)
            )
        )


class TestScores:
    async def test_add_up_and_part_again_faded_meanwhile(self, service, scores) -> None:
        world, merge_id = World(service), str(uuid.uuid4())
        root, source = await world.customer("Root"), await world.customer("Source")

        async def score(customer: str) -> tuple[str, bool]:
            request = score_rpc.GetCustomerScoreRequest(customer_id=customer)
            found = await scores.GetCustomerScore(request)
            return found.score, found.hot

        for customer in (root, source):
            await service.deliver(world.payment(customer, "1"))
        assert (await score(root), await score(source)) == (("80.00", False), ("80.00", False))
        await world.merge(root, source, merge_id=merge_id)
        assert await score(root) == await score(source) == ("160.00", True)
        await service.deliver(world.payment(source, "1"))
        assert await score(root) == ("240.00", True)
        world.pass_time(timedelta(days=30))
        await world.merge(root, source, 3, merge_id=merge_id, undo=True)
        assert (await score(root), await score(source)) == (("80.00", False), ("40.00", False))

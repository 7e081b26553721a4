from __future__ import annotations

import uuid
from typing import Any

import pytest

from taproot.sales.v1 import assignment_rule_pb2 as pb
from taproot.sales.v1 import assignment_rule_service_pb2 as rpc
from taproot.sales.v1.assignment_rule_service_pb2_grpc import AssignmentRulesServiceStub
from taproot_base.auth import Principal
from taproot_base.errors import AppError, Kind
from taproot_testkit import Caller, Harness, branch_id


@pytest.fixture
def rules(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(AssignmentRulesServiceStub, admin)


async def make(rules: Caller, **values: Any) -> pb.AssignmentRule:
    message = pb.AssignmentRule(**({"display_name": "East", "branch_id": branch_id("/hq/e/")} | values))
    made: pb.AssignmentRule = await rules.CreateAssignmentRule(
        rpc.CreateAssignmentRuleRequest(assignment_rule=message)
    )
    return made


async def refused(call: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        await call
    return caught.value


class TestAssignmentRules:
    async def test_create_update_list_delete(self, sales: Harness, rules: Caller) -> None:
        user = await sales.add_user({})
        rule = await make(rules, regions=["east", "华东"], user_ids=[user.subject], priority=3)
        assert (list(rule.regions), list(rule.user_ids)) == (["east", "华东"], [user.subject])
        change = pb.AssignmentRule(id=rule.id, branch_id=branch_id("/hq/w/"), etag=rule.etag)
        rule = await rules.UpdateAssignmentRule(rpc.UpdateAssignmentRuleRequest(assignment_rule=change))
        assert rule.branch_id == branch_id("/hq/w/")
        first = await make(rules, display_name="First", priority=-1)
        page = await rules.ListAssignmentRules(rpc.ListAssignmentRulesRequest())
        assert [r.id for r in page.assignment_rules] == [first.id, rule.id]
        for one in (first, rule):
            await rules.DeleteAssignmentRule(rpc.DeleteAssignmentRuleRequest(id=one.id))
        error = await refused(rules.GetAssignmentRule(rpc.GetAssignmentRuleRequest(id=rule.id)))
        assert error.kind is Kind.NOT_FOUND

    async def test_what_is_missing_or_unknown(self, rules: Caller) -> None:
        assert (await refused(make(rules, display_name="", branch_id=""))).kind is Kind.INVALID
        assert (await refused(make(rules, branch_id=str(uuid.uuid4())))).kind is Kind.INVALID
        error = await refused(make(rules, user_ids=[str(uuid.uuid4())]))
        assert [v.field for v in error.violations] == ["assignment_rule.user_ids[0]"]

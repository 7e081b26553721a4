"""The rules of suggestions: read, changed, refused, followed by the next page."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from taproot.customer.v1 import profile_service_pb2
from taproot.customer.v1 import suggestion_rule_pb2 as pb
from taproot.customer.v1 import suggestion_rule_service_pb2 as rpc
from taproot.customer.v1.profile_service_pb2_grpc import ProfilesServiceStub
from taproot.customer.v1.suggestion_rule_service_pb2_grpc import SuggestionRulesServiceStub
from taproot_base.errors import Kind

CONSENT = pb.SUGGESTION_KIND_NO_CONSENT


@pytest.fixture
def stub(service, admin):
    return service.stub(SuggestionRulesServiceStub, admin)


@pytest.fixture
def update(stub):
    async def send(*rules, etag="", request_id="", mask=()):
        wanted = pb.SuggestionRules(rules=rules, etag=etag)
        return await stub.UpdateSuggestionRules(
            rpc.UpdateSuggestionRulesRequest(
                suggestion_rules=wanted, request_id=request_id, update_mask=FieldMask(paths=mask)
            )
        )

    return send


async def read(stub):
    return await stub.GetSuggestionRules(rpc.GetSuggestionRulesRequest())


def consent(**values):
    return pb.SuggestionRule(**{"kind": CONSENT, "enabled": True, "priority": 7, **values})


async def test_needs_the_permission(service, failure):
    reader = service.stub(
        SuggestionRulesServiceStub, await service.add_user({"suggestion_rules.read": "all"})
    )
    assert len((await read(reader)).rules) == 13
    request = rpc.UpdateSuggestionRulesRequest(suggestion_rules=pb.SuggestionRules(rules=[consent()]))
    assert (await failure(reader.UpdateSuggestionRules(request))).kind is Kind.DENIED
    nobody = service.stub(SuggestionRulesServiceStub, None)
    assert (await failure(read(nobody))).kind is Kind.UNAUTHENTICATED


async def test_a_page_follows_the_rules_and_other_kinds_stay(service, admin, stub, update, make_customer):
    customer = await make_customer()
    profiles = service.stub(ProfilesServiceStub, admin)

    async def suggested():
        request = profile_service_pb2.GetCustomerProfileRequest(id=customer.id)
        return {s.kind: s.priority for s in (await profiles.GetCustomerProfile(request)).suggestions}

    before = await read(stub)
    assert (await suggested())[CONSENT] == 7
    changed = await update(consent(priority=99), etag=before.etag, request_id="rules-1")
    assert changed.rules[-1] == consent(priority=99)
    assert (await suggested())[CONSENT] == 99
    off = await update(consent(enabled=False), mask=("rules",))
    assert CONSENT not in await suggested()
    assert [r for r in off.rules if r.kind != CONSENT] == [r for r in before.rules if r.kind != CONSENT]
    again = await update(consent(priority=99), etag=before.etag, request_id="rules-1")
    assert again.etag == off.etag
    await update(consent())


async def test_bad_rules_and_old_versions_are_refused(stub, update, failure):
    stale = (await read(stub)).etag
    await update(consent())
    assert (await failure(update(consent(), etag=stale))).kind is Kind.CONFLICT
    twice = await failure(update(consent(), consent()))
    assert [v.field for v in twice.violations] == ["suggestion_rules.rules[1].kind"]
    useless = await failure(update(consent(days=4)))
    assert [v.field for v in useless.violations] == ["suggestion_rules.rules[0].days"]
    assert (await failure(update())).kind is Kind.INVALID
    unknown = await failure(update(pb.SuggestionRule(enabled=True, priority=0)))
    assert {v.field for v in unknown.violations} >= {
        "suggestion_rules.rules[0].kind", "suggestion_rules.rules[0].priority"
    }  # fmt: skip

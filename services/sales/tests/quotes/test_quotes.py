"""Quotes through their RPCs, on real PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date

from taproot.sales.events.v1.quote_event_pb2 import QuoteEvent
from taproot.sales.v1 import approval_pb2, order_pb2
from taproot.sales.v1 import quote_pb2 as pb
from taproot.sales.v1 import quote_service_pb2 as rpc
from taproot.sales.v1.approval_policy_service_pb2 import (
    CreateApprovalPolicyRequest,
    UpdateApprovalPolicyRequest,
)
from taproot.sales.v1.approval_service_pb2 import (
    ApproveApprovalRequest,
    GetApprovalRequest,
    RecallApprovalRequest,
    RejectApprovalRequest,
)
from taproot.sales.v1.order_service_pb2 import GetOrderRequest, ListOrdersRequest
from taproot.sales.v1.sales_line_pb2 import SalesLine
from taproot.type.v1.money_pb2 import Money
from taproot_base.auth import Principal
from taproot_base.errors import Kind
from taproot_sales.quotes.jobs import expire_quotes

S = pb.QuoteState.Value


async def quote(selling: Any, *lines: SalesLine, customer: str = "", **values: Any) -> pb.Quote:
    customer = customer or await selling.customer()
    message = pb.Quote(customer_id=customer, lines=lines, **values)
    made: pb.Quote = await selling.quotes.CreateQuote(rpc.CreateQuoteRequest(quote=message))
    return made


async def sent(selling: Any, *lines: SalesLine, **values: Any) -> pb.Quote:
    made = await quote(selling, *lines, **values)
    await selling.quotes.SubmitQuote(rpc.SubmitQuoteRequest(id=made.id))
    done: pb.Quote = await selling.quotes.SendQuote(rpc.SendQuoteRequest(id=made.id))
    return done


async def discount_policy(selling: Any, share: str, **step: Any) -> approval_pb2.ApprovalPolicy:
    policy = approval_pb2.ApprovalPolicy(
        display_name="Rabatt",
        subject_type="quote",
        max_discount_share=share,
        steps=[approval_pb2.ApprovalStep(**step)],
    )
    request = CreateApprovalPolicyRequest(approval_policy=policy)
    made: approval_pb2.ApprovalPolicy = await selling.policies.CreateApprovalPolicy(request)
    return made


async def disable(selling: Any, policy: approval_pb2.ApprovalPolicy) -> None:
    change = approval_pb2.ApprovalPolicy(id=policy.id, disabled=True)
    await selling.policies.UpdateApprovalPolicy(UpdateApprovalPolicyRequest(approval_policy=change))


class TestWriting:
    async def test_a_draft_is_priced_and_announced(self, selling, new_line):
        made = await quote(
            selling, new_line("4", "25", discount_rate="0.1", tax_rate="0.13"), discount_rate="0.5"
        )
        totals = made.totals
        assert (made.state, made.version) == (S("QUOTE_STATE_DRAFT"), 1)
        assert (totals.gross.amount, totals.net.amount, totals.tax.amount) == ("100.00", "45.00", "5.85")
        assert (totals.discount.amount, totals.discount_share) == ("55.00", "0.55")
        found = [
            e for e in await selling.service.events(1, of="quote.created") if str(e.aggregate_id) == made.id
        ]
        assert [e.decode(QuoteEvent).quote for e in found] == [made]

    async def test_another_branch_does_not_see_it(self, selling, failure, new_line):
        made = await quote(selling, new_line("1", "1"))
        other = selling.seen_by(await selling.service.add_user({"quotes.*": "branch"}, "/hq/w/"))
        assert (await failure(other.quotes.GetQuote(rpc.GetQuoteRequest(id=made.id)))).kind is Kind.NOT_FOUND
        assert (
            await failure(other.quotes.AcceptQuote(rpc.AcceptQuoteRequest(id=made.id)))
        ).kind is Kind.NOT_FOUND

    async def test_only_a_draft_can_be_changed(self, selling, failure, new_line):
        made = await quote(selling, new_line("1", "10"))
        change = pb.Quote(id=made.id, discount_amount=Money(currency_code="CNY", amount="1.5"))
        mask = FieldMask(paths=["discount_amount"])
        changed = await selling.quotes.UpdateQuote(rpc.UpdateQuoteRequest(quote=change, update_mask=mask))
        assert changed.totals.total.amount == "8.50"
        await selling.quotes.SubmitQuote(rpc.SubmitQuoteRequest(id=made.id))
        error = await failure(
            selling.quotes.UpdateQuote(rpc.UpdateQuoteRequest(quote=change, update_mask=mask))
        )
        assert (error.reason, error.metadata["allowed"]) == ("WRONG_STATE", "DRAFT")

    async def test_discounts_make_sense(self, selling, failure, new_line):
        made = await quote(selling, new_line("1", "10"), discount_rate="0.1")
        for currency, amount in (("CNY", "1"), ("USD", "1"), ("CNY", "-1")):
            change = pb.Quote(id=made.id, discount_amount=Money(currency_code=currency, amount=amount))
            error = await failure(selling.quotes.UpdateQuote(rpc.UpdateQuoteRequest(quote=change)))
            assert {v.field for v in error.violations} == {"quote.discount_amount"}

    async def test_an_empty_quote_cannot_be_submitted(self, selling, failure):
        made = await quote(selling)
        error = await failure(selling.quotes.SubmitQuote(rpc.SubmitQuoteRequest(id=made.id)))
        assert error.reason == "QUOTE_WITHOUT_LINES"

    async def test_the_document_has_everything_to_print(self, selling, new_line):
        lines = [new_line("2", "10", discount_rate="0.05", tax_rate="0.13"), new_line("1", "5")]
        made = await quote(selling, *lines, customer=await selling.customer("华东机械"), terms="frei Haus")
        document = await selling.quotes.GetQuoteDocument(rpc.GetQuoteDocumentRequest(id=made.id))
        assert (document.title, document.customer_name) == (f"{made.number} v1", "华东机械")
        assert [(r.position, r.discount_percent, r.tax_percent, r.net.amount) for r in document.rows] == [
            (1, "5", "13", "19.00"),
            (2, "0", "0", "5.00"),
        ]
        assert [(t.tax_percent, t.tax.amount) for t in document.taxes] == [("13", "2.47"), ("0", "0.00")]


class TestAcceptance:
    async def test_makes_the_order_with_the_same_amounts(self, selling, new_line):
        made = await sent(selling, new_line("3", "33.33", tax_rate="0.13"), discount_rate="0.07")
        request = rpc.AcceptQuoteRequest(id=made.id, customer_reference="PO 7")
        accepted = await selling.quotes.AcceptQuote(request)
        order = await selling.orders.GetOrder(GetOrderRequest(id=accepted.order_id))
        assert (order.state, order.quote_id) == (order_pb2.ORDER_STATE_SUBMITTED, made.id)
        assert (order.totals, order.customer_reference) == (accepted.totals, "PO 7")

    async def test_makes_exactly_one_order_in_parallel(self, selling, new_line):
        made = await sent(selling, new_line("1", "10"))
        calls = [selling.quotes.AcceptQuote(rpc.AcceptQuoteRequest(id=made.id)) for _ in range(8)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(r, pb.Quote) for r in results) == 1
        assert {r.reason for r in results if not isinstance(r, pb.Quote)} == {"WRONG_STATE"}
        listed = await selling.orders.ListOrders(ListOrdersRequest(filter=f'quote_id = "{made.id}"'))
        assert len(listed.orders) == 1

    async def test_a_repeated_request_answers_the_same(self, selling, new_line):
        made = await sent(selling, new_line("1", "10"))
        request = rpc.AcceptQuoteRequest(id=made.id, request_id=f"accept {made.id}")
        assert await selling.quotes.AcceptQuote(request) == await selling.quotes.AcceptQuote(request)

    async def test_the_customer_accepts_in_the_portal(self, selling, failure, new_line):
        customer = await selling.customer()
        made = await sent(selling, new_line("1", "10"), customer=customer)
        own = selling.seen_by(Principal(subject="portal:a", kind="portal", party_id=customer))
        other = selling.seen_by(
            Principal(subject="portal:b", kind="portal", party_id=await selling.customer())
        )
        assert (
            await failure(other.quotes.AcceptQuote(rpc.AcceptQuoteRequest(id=made.id)))
        ).kind is Kind.NOT_FOUND
        accepted = await own.quotes.AcceptQuote(rpc.AcceptQuoteRequest(id=made.id))
        assert accepted.state == S("QUOTE_STATE_ACCEPTED")

    async def test_the_customer_says_no(self, selling, new_line):
        made = await sent(selling, new_line("1", "10"))
        refused = await selling.quotes.RejectQuote(rpc.RejectQuoteRequest(id=made.id, reason="zu teuer"))
        assert (refused.state, refused.reject_reason) == (S("QUOTE_STATE_REJECTED"), "zu teuer")

    async def test_an_expired_quote_cannot_be_accepted(self, selling, failure, new_line):
        made = await quote(selling, new_line("1", "10"), valid_until=Date(year=2020, month=1, day=1))
        await selling.quotes.SubmitQuote(rpc.SubmitQuoteRequest(id=made.id))
        error = await failure(selling.quotes.SendQuote(rpc.SendQuoteRequest(id=made.id)))
        assert (error.reason, error.metadata["valid_until"]) == (
            "QUOTE_EXPIRED",
            date(2020, 1, 1).isoformat(),
        )
        with selling.service.system_call():
            assert await expire_quotes(selling.service.runtime.database) >= 1
            assert await expire_quotes(selling.service.runtime.database) == 0
        read = await selling.quotes.GetQuote(rpc.GetQuoteRequest(id=made.id))
        assert read.state == S("QUOTE_STATE_EXPIRED")


class TestVersions:
    async def test_a_new_version_supersedes_the_old(self, selling, failure, new_line):
        first = await sent(selling, new_line("1", "10"))
        second = await selling.quotes.ReviseQuote(rpc.ReviseQuoteRequest(id=first.id))
        assert (second.number, second.version, second.previous_version_id) == (first.number, 2, first.id)
        assert (second.state, second.totals) == (S("QUOTE_STATE_DRAFT"), first.totals)
        old = await selling.quotes.GetQuote(rpc.GetQuoteRequest(id=first.id))
        assert old.state == S("QUOTE_STATE_SUPERSEDED")
        error = await failure(selling.quotes.AcceptQuote(rpc.AcceptQuoteRequest(id=first.id)))
        assert error.reason == "WRONG_STATE"


class TestApproval:
    async def test_above_the_limit_it_waits_and_is_approved_with_the_decision(self, selling, new_line):
        chief = await selling.service.add_user({"approvals.decide": "own", "approvals.read": "own"}, "/hq/")
        policy = await discount_policy(selling, "0.2", approver_ids=[chief.subject])
        below = await quote(selling, new_line("1", "10", discount_rate="0.2"))
        free = await selling.quotes.SubmitQuote(rpc.SubmitQuoteRequest(id=below.id))
        assert free.state == S("QUOTE_STATE_APPROVED")
        above = await quote(selling, new_line("1", "10", discount_rate="0.21"))
        waiting = await selling.quotes.SubmitQuote(rpc.SubmitQuoteRequest(id=above.id, comment="Großkunde"))
        assert waiting.state == S("QUOTE_STATE_SUBMITTED")
        decided = await selling.seen_by(chief).approvals.ApproveApproval(
            ApproveApprovalRequest(id=waiting.approval_id, comment="ja")
        )
        assert decided.state == approval_pb2.APPROVAL_STATE_APPROVED
        read = await selling.quotes.GetQuote(rpc.GetQuoteRequest(id=above.id))
        assert read.state == S("QUOTE_STATE_APPROVED")
        await disable(selling, policy)

    async def test_a_refusal_rejects_the_quote_with_its_reason(self, selling, new_line):
        chief = await selling.service.add_user({"approvals.*": "own"}, "/hq/")
        policy = await discount_policy(selling, "0", approver_ids=[chief.subject])
        made = await quote(selling, new_line("1", "10", discount_rate="0.5"))
        waiting = await selling.quotes.SubmitQuote(rpc.SubmitQuoteRequest(id=made.id))
        await selling.seen_by(chief).approvals.RejectApproval(
            RejectApprovalRequest(id=waiting.approval_id, comment="zu viel")
        )
        read = await selling.quotes.GetQuote(rpc.GetQuoteRequest(id=made.id))
        assert (read.state, read.reject_reason) == (S("QUOTE_STATE_REJECTED"), "zu viel")
        await disable(selling, policy)

    async def test_recall_makes_it_a_draft_and_revising_withdraws(self, selling, new_line):
        chief = await selling.service.add_user({"approvals.*": "own"}, "/hq/")
        policy = await discount_policy(selling, "0", approver_ids=[chief.subject])
        made = await quote(selling, new_line("1", "10", discount_rate="0.5"))
        waiting = await selling.quotes.SubmitQuote(rpc.SubmitQuoteRequest(id=made.id))
        await selling.approvals.RecallApproval(RecallApprovalRequest(id=waiting.approval_id))
        read = await selling.quotes.GetQuote(rpc.GetQuoteRequest(id=made.id))
        assert (read.state, read.approval_id) == (S("QUOTE_STATE_DRAFT"), "")
        again = await selling.quotes.SubmitQuote(rpc.SubmitQuoteRequest(id=made.id))
        await selling.quotes.ReviseQuote(rpc.ReviseQuoteRequest(id=made.id))
        approval = await selling.approvals.GetApproval(GetApprovalRequest(id=again.approval_id))
        assert approval.state == approval_pb2.APPROVAL_STATE_RECALLED
        await disable(selling, policy)

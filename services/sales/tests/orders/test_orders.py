"""Orders through their RPCs, on real PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
import uuid
from decimal import Decimal

from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date

from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1 import order_pb2 as pb
from taproot.sales.v1 import order_service_pb2 as rpc
from taproot.sales.v1 import product_pb2
from taproot.sales.v1.invoice_service_pb2 import ListInvoicesRequest
from taproot.sales.v1.sales_line_pb2 import SalesLine
from taproot.type.v1.money_pb2 import Money
from taproot_base.auth import Principal
from taproot_base.errors import Kind
from taproot_base.ids import new_id

D = Decimal


def move(order: pb.Order, *quantities: str) -> dict[str, object]:
    lines = [
        pb.LineQuantity(line_id=ln.id, quantity=q) for ln, q in zip(order.lines, quantities, strict=False)
    ]
    return {"id": order.id, "lines": lines}


class TestVisibility:
    async def test_another_branch_does_not_see_the_order(self, selling, failure):
        order = await selling.order(await selling.customer())
        other = selling.seen_by(await selling.service.add_user({"orders.*": "branch"}, "/hq/w/"))
        assert (await failure(other.orders.GetOrder(rpc.GetOrderRequest(id=order.id)))).kind is Kind.NOT_FOUND
        assert (
            await failure(other.orders.SubmitOrder(rpc.SubmitOrderRequest(id=order.id)))
        ).kind is Kind.NOT_FOUND
        assert not (await other.orders.ListOrders(rpc.ListOrdersRequest())).orders
        rows = (await other.orders.AggregateOrderLines(rpc.AggregateOrderLinesRequest())).rows
        assert [list(row.values) for row in rows] in ([], [["0"]])


class TestCreateOrder:
    async def test_takes_price_and_tax_from_the_catalogue(self, selling):
        product = await selling.product(
            "100", tax_rate="0.13", kind=product_pb2.PRODUCT_KIND_LICENCE, entitlement_months=12
        )
        sold = SalesLine(product_id=product.id, quantity="3", discount_rate="0.05")
        order = await selling.order(await selling.customer(), sold)
        [written] = order.lines
        assert (written.product_code, written.entitlement_months) == (product.code, 12)
        assert written.product_kind == product_pb2.PRODUCT_KIND_LICENCE
        assert (order.totals.net.amount, order.totals.tax.amount) == ("285.00", "37.05")
        assert order.totals.total.amount == "322.05"
        assert order.state == pb.ORDER_STATE_DRAFT
        assert await selling.orders.GetOrder(rpc.GetOrderRequest(id=order.id)) == order

    async def test_prices_with_tax_contain_the_catalogue_price(self, selling):
        product = await selling.product("100", tax_rate="0.13")
        sold = SalesLine(product_id=product.id, quantity="1")
        order = await selling.order(await selling.customer(), sold, tax_inclusive=True)
        assert (order.lines[0].unit_price.amount, order.totals.net.amount) == ("113.00", "100.00")

    async def test_lists_every_violation_at_once(self, selling, failure, new_line):
        bad = pb.Order(
            customer_id=await selling.customer(),
            lines=[
                SalesLine(product_id=str(new_id()), quantity="1"),
                new_line("0", "1"),
                new_line("1", "1", "USD"),
            ],
        )
        error = await failure(selling.orders.CreateOrder(rpc.CreateOrderRequest(order=bad)))
        assert {v.field for v in error.violations} >= {
            "order.lines[0].product_id",
            "order.lines[0].unit_price",
            "order.lines[1].quantity",
        }

    async def test_customer_must_exist(self, selling, failure, new_line):
        order = pb.Order(customer_id=str(new_id()), lines=[new_line("1", "1")])
        error = await failure(selling.orders.CreateOrder(rpc.CreateOrderRequest(order=order)))
        assert [v.field for v in error.violations] == ["order.customer_id"]

    async def test_amounts_have_an_end(self, selling, failure, new_line):
        error = await failure(selling.order(await selling.customer(), new_line("999999999999", "1001")))
        assert (error.kind, error.reason) == (Kind.INVALID, "AMOUNT_TOO_LARGE")

    async def test_numbers_never_collide(self, selling):
        customer = await selling.customer()
        made = await asyncio.gather(*(selling.order(customer) for _ in range(30)))
        assert len({order.number for order in made}) == 30

    async def test_a_repeat_takes_effect_once(self, selling, new_line):
        order = pb.Order(customer_id=await selling.customer(), lines=[new_line("1", "1")])
        request = rpc.CreateOrderRequest(order=order, request_id="once-more")
        first, second = await selling.orders.CreateOrder(request), await selling.orders.CreateOrder(request)
        assert first == second

    async def test_discount_cannot_exceed_the_lines(self, selling, failure, new_line):
        money = Money(currency_code="CNY", amount="5")
        call = selling.order(await selling.customer(), new_line("1", "4"), discount_amount=money)
        assert [v.field for v in (await failure(call)).violations] == ["order.discount_amount"]


class TestChangeOrder:
    async def test_a_draft_is_priced_again(self, selling, new_line):
        order = await selling.order(await selling.customer())
        change = pb.Order(id=order.id, etag=order.etag, lines=[new_line("1", "7"), new_line("2", "3")])
        mask = FieldMask(paths=["lines"])
        changed = await selling.orders.UpdateOrder(rpc.UpdateOrderRequest(order=change, update_mask=mask))
        assert changed.totals.total.amount == "13.00"
        assert [ln.display_name for ln in changed.lines] == ["Beratung", "Beratung"]

    async def test_a_placed_order_cannot_be_changed(self, selling, failure):
        order = await selling.confirmed(await selling.customer())
        change = pb.Order(id=order.id, note="x")
        error = await failure(selling.orders.UpdateOrder(rpc.UpdateOrderRequest(order=change)))
        assert (error.kind, error.reason, error.metadata["allowed"]) == (Kind.STATE, "WRONG_STATE", "DRAFT")

    async def test_stale_etag_is_refused(self, selling, failure):
        order = await selling.order(await selling.customer())
        error = await failure(selling.orders.SubmitOrder(rpc.SubmitOrderRequest(id=order.id, etag="99")))
        assert error.reason == "ETAG_MISMATCH"

    async def test_a_draft_can_be_deleted(self, selling, failure):
        order = await selling.order(await selling.customer())
        await selling.orders.DeleteOrder(rpc.DeleteOrderRequest(id=order.id))
        assert (
            await failure(selling.orders.GetOrder(rpc.GetOrderRequest(id=order.id)))
        ).kind is Kind.NOT_FOUND


class TestFulfilOrder:
    async def test_partial_deliveries_add_up_to_the_order(self, selling, new_line):
        customer = await selling.customer()
        order = await selling.confirmed(customer, new_line("3", "33.333", tax_rate="0.13"))
        states = []
        for _ in range(3):
            order = await selling.orders.FulfilOrder(rpc.FulfilOrderRequest(**move(order, "1")))
            states.append(order.state)
        assert states == [
            pb.ORDER_STATE_PARTIALLY_FULFILLED,
            pb.ORDER_STATE_PARTIALLY_FULFILLED,
            pb.ORDER_STATE_FULFILLED,
        ]
        listed = await selling.invoices.ListInvoices(ListInvoicesRequest(filter=f'order_id = "{order.id}"'))
        assert len(listed.invoices) == 3
        assert sum(D(i.total.amount) for i in listed.invoices) == D(order.totals.total.amount)
        moved = (
            await selling.orders.ListFulfilments(rpc.ListFulfilmentsRequest(order_id=order.id))
        ).fulfilments
        assert [m.sequence for m in moved] == [1, 2, 3]
        assert {m.invoice_id for m in moved} == {i.id for i in listed.invoices}

    async def test_of_parallel_deliveries_exactly_one_takes_effect(self, selling, failure):
        order = await selling.confirmed(await selling.customer())
        calls = [selling.orders.FulfilOrder(rpc.FulfilOrderRequest(**move(order, "2"))) for _ in range(8)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        won = [r for r in results if isinstance(r, pb.Order)]
        lost = [r for r in results if not isinstance(r, pb.Order)]
        assert len(won) == 1
        assert {(e.kind, e.reason) for e in lost} == {(Kind.STATE, "WRONG_STATE")}
        assert "CONFIRMED" in lost[0].metadata["allowed"]
        listed = await selling.invoices.ListInvoices(ListInvoicesRequest(filter=f'order_id = "{order.id}"'))
        assert len(listed.invoices) == 1

    async def test_more_than_is_left_is_refused_with_what_is_left(self, selling, failure):
        order = await selling.confirmed(await selling.customer())
        await selling.orders.FulfilOrder(rpc.FulfilOrderRequest(**move(order, "1")))
        error = await failure(selling.orders.FulfilOrder(rpc.FulfilOrderRequest(**move(order, "1.5"))))
        assert error.reason == "QUANTITY_EXCEEDED"
        assert D(error.metadata[order.lines[0].id]) == 1

    async def test_the_event_carries_what_was_delivered(self, selling):
        product = await selling.product(kind=product_pb2.PRODUCT_KIND_LICENCE, entitlement_months=24)
        customer = await selling.customer()
        order = await selling.fulfilled(customer, SalesLine(product_id=product.id, quantity="5"))
        found = [
            e
            for e in await selling.service.events(1, of="order.fulfilled")
            if str(e.aggregate_id) == order.id
        ]
        [event] = found
        assert str(event.party_id) == customer
        payload = event.decode(OrderEvent)
        [delivered] = payload.fulfilment.lines
        assert (delivered.product_id, delivered.entitlement_months, delivered.quantity) == (
            product.id,
            24,
            "5",
        )
        assert delivered.product_kind == product_pb2.PRODUCT_KIND_LICENCE
        assert payload.order.state == pb.ORDER_STATE_FULFILLED

    async def test_events_of_one_order_come_in_order(self, selling):
        order = await selling.fulfilled(await selling.customer())
        found = [e for e in await selling.service.events(4, of="order.*") if str(e.aggregate_id) == order.id]
        assert [e.type for e in found] == [
            "order.created",
            "order.submitted",
            "order.confirmed",
            "order.fulfilled",
        ]
        assert [e.version for e in found] == [1, 2, 3, 4]


class TestReturnAndCancel:
    async def test_what_comes_back_is_credited_at_its_price(self, selling):
        order = await selling.fulfilled(await selling.customer())
        back = await selling.orders.ReturnOrder(rpc.ReturnOrderRequest(**move(order, "0.5")))
        assert back.state == pb.ORDER_STATE_PARTIALLY_RETURNED
        all_back = await selling.orders.ReturnOrder(rpc.ReturnOrderRequest(id=order.id))
        assert all_back.state == pb.ORDER_STATE_RETURNED
        listed = await selling.invoices.ListInvoices(
            ListInvoicesRequest(filter=f'order_id = "{order.id}" AND kind = CREDIT_NOTE')
        )
        assert sorted(i.total.amount for i in listed.invoices) == ["25.00", "75.00"]
        assert {i.open_amount.amount for i in listed.invoices} == {"0.00"}

    async def test_nothing_undelivered_can_come_back(self, selling, failure):
        order = await selling.confirmed(await selling.customer())
        error = await failure(selling.orders.ReturnOrder(rpc.ReturnOrderRequest(id=order.id)))
        assert error.reason == "WRONG_STATE"

    async def test_cancel_ends_an_undelivered_order(self, selling, failure):
        order = await selling.confirmed(await selling.customer())
        gone = await selling.orders.CancelOrder(rpc.CancelOrderRequest(id=order.id, reason="doppelt"))
        assert (gone.state, gone.cancel_reason) == (pb.ORDER_STATE_CANCELLED, "doppelt")
        error = await failure(selling.orders.FulfilOrder(rpc.FulfilOrderRequest(id=order.id)))
        assert error.reason == "WRONG_STATE"

    async def test_a_delivered_order_cannot_be_cancelled(self, selling, failure):
        order = await selling.fulfilled(await selling.customer())
        error = await failure(selling.orders.CancelOrder(rpc.CancelOrderRequest(id=order.id)))
        assert error.metadata["allowed"] == "CONFIRMED, DRAFT, SUBMITTED"


class TestPortal:
    async def test_a_customer_orders_alone_at_catalogue_prices(self, selling, failure, new_line):
        customer = await selling.customer()
        product = await selling.product("80")
        own = selling.seen_by(Principal(subject=f"portal:{customer}", kind="portal", party_id=customer))
        order = await own.order(customer, SalesLine(product_id=product.id, quantity="1"))
        assert order.totals.net.amount == "80.00"
        assert (
            await own.orders.SubmitOrder(rpc.SubmitOrderRequest(id=order.id))
        ).state == pb.ORDER_STATE_SUBMITTED
        cheap = await failure(own.order(customer, new_line("1", "0.01")))
        assert [v.field for v in cheap.violations] == ["order.lines[0]"]
        foreign = await failure(
            own.order(await selling.customer(), SalesLine(product_id=product.id, quantity="1"))
        )
        assert [v.field for v in foreign.violations] == ["order.customer_id"]
        confirm = await failure(own.orders.ConfirmOrder(rpc.ConfirmOrderRequest(id=order.id)))
        assert confirm.kind is Kind.DENIED


class TestImport:
    async def test_history_needs_its_own_permission(self, selling, failure, new_line):
        seller = selling.seen_by(
            await selling.service.add_user({"orders.create": "all", "orders.read": "all"})
        )
        old = pb.Order(
            customer_id=await selling.customer(),
            state=pb.ORDER_STATE_FULFILLED,
            order_date=Date(year=1996, month=7, day=4),
            lines=[new_line("1", "1")],
        )
        error = await failure(seller.orders.CreateOrder(rpc.CreateOrderRequest(order=old)))
        assert (error.kind, error.metadata["permission"]) == (Kind.DENIED, "orders.import")

    async def test_history_keeps_its_dates_and_raises_no_invoice(self, selling, new_line):
        order = await selling.order(
            await selling.customer(),
            new_line("2", "14", discount_rate="0.15"),
            state=pb.ORDER_STATE_FULFILLED,
            external_id="nw:1",
            order_date=Date(year=1996, month=7, day=4),
            fulfil_date=Date(year=1996, month=7, day=16),
        )
        assert (order.historic, order.order_date.year, order.lines[0].fulfilled_quantity) == (True, 1996, "2")
        listed = await selling.invoices.ListInvoices(ListInvoicesRequest(filter=f'order_id = "{order.id}"'))
        assert not listed.invoices
        found = [e for e in await selling.service.events(1, of="order.*") if str(e.aggregate_id) == order.id]
        assert [e.type for e in found] == ["order.imported"]

    async def test_an_external_id_is_taken_once_even_in_parallel(self, selling, new_line):
        customer = await selling.customer()
        calls = [selling.order(customer, new_line("1", "1"), external_id="nw:race") for _ in range(5)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(r, pb.Order) for r in results) == 1
        assert {r.reason for r in results if not isinstance(r, pb.Order)} == {"EXTERNAL_ID_TAKEN"}

    async def test_a_batch_is_all_or_none(self, selling, failure, new_line):
        customer = await selling.customer()
        good = rpc.CreateOrderRequest(
            order=pb.Order(customer_id=customer, lines=[new_line("1", "1")], note="batch")
        )
        bad = rpc.CreateOrderRequest(order=pb.Order(customer_id=str(new_id()), lines=[new_line("1", "1")]))
        error = await failure(
            selling.orders.BatchCreateOrders(rpc.BatchCreateOrdersRequest(requests=[good, bad]))
        )
        assert [v.field for v in error.violations] == ["requests[1].order.customer_id"]
        listed = await selling.orders.ListOrders(rpc.ListOrdersRequest(filter=f'customer_id = "{customer}"'))
        assert not listed.orders

    async def test_exact_amounts_are_rounded_once_over_many_orders(self, selling, new_line):
        """A hundred times 0.0025 off is a quarter, not a hundred rounded cents."""
        customer = await selling.customer()
        lines = [new_line("1", "0.05", "USD", discount_rate="0.05")]
        ids = [str(uuid.uuid4()) for _ in range(100)]  # unlike those we make, they cannot be compressed
        requests = [
            rpc.CreateOrderRequest(order=pb.Order(id=key, customer_id=customer, lines=lines)) for key in ids
        ]
        request = rpc.BatchCreateOrdersRequest(requests=requests, request_id="hundred")
        made = await selling.orders.BatchCreateOrders(request)
        assert [o.id for o in made.orders] == ids
        again = await selling.orders.BatchCreateOrders(request)
        assert [o.id for o in again.orders] == [o.id for o in made.orders]
        answer = await selling.orders.AggregateOrders(
            rpc.AggregateOrdersRequest(
                filter=f'customer_id = "{customer}"', measures=["count()", "sum(exact_net)", "sum(net)"]
            )
        )
        assert [D(value) for value in answer.rows[0].values] == [100, D("4.75"), D("5.00")]


class TestListsAndAggregates:
    async def test_pages_filters_and_groups(self, selling, new_line):
        customer = await selling.customer()
        for price in ("10", "20", "30"):
            await selling.order(customer, new_line("1", price))
        await selling.confirmed(customer, new_line("1", "40"))
        mine = f'customer_id = "{customer}"'
        first = await selling.orders.ListOrders(
            rpc.ListOrdersRequest(filter=mine, order_by="total desc", page_size=3)
        )
        assert [o.totals.total.amount for o in first.orders] == ["40.00", "30.00", "20.00"]
        second = await selling.orders.ListOrders(
            rpc.ListOrdersRequest(
                filter=mine, order_by="total desc", page_size=3, page_token=first.next_page_token
            )
        )
        assert [o.totals.total.amount for o in second.orders] == ["10.00"]
        answer = await selling.orders.AggregateOrders(
            rpc.AggregateOrdersRequest(filter=mine, group_by=["state"], measures=["count()", "sum(total)"])
        )
        assert {row.keys[0]: D(row.values[1]) for row in answer.rows} == {"confirmed": 40, "draft": 60}

    async def test_lines_tell_what_a_customer_bought(self, selling):
        customer, product = await selling.customer(), await selling.product("10")
        for _ in range(2):
            await selling.order(customer, SalesLine(product_id=product.id, quantity="3"))
        answer = await selling.orders.AggregateOrderLines(
            rpc.AggregateOrderLinesRequest(
                filter=f'customer_id = "{customer}"',
                group_by=["product_id"],
                measures=["sum(quantity)", "sum(net)"],
            )
        )
        assert [(row.keys[0], D(row.values[0]), D(row.values[1])) for row in answer.rows] == [
            (product.id, 6, 60)
        ]

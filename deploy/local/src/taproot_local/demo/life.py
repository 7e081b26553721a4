"""One customer's whole life, from the web form to the reminder, through the public API."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from taproot_local.api import Client, Json, eventually
from taproot_local.demo import names
from taproot_local.demo.cast import Cast, money, name_of
from taproot_local.demo.catalog import ITEM
from taproot_local.demo.company import manager
from taproot_local.demo.outreach import FORM_ID
from taproot_local.demo.watching import Timeline

OFFICE = "sh"
ORDER_DESK = "shenmin"
ACCOUNTANT = "caijing"
WITHIN_SECONDS = 1.0


@dataclass(frozen=True)
class Step:
    """One step as it happened. `lag`: seconds until the timeline showed it; None when it has no customer yet."""

    zh: str
    en: str
    result: str
    lag: float | None


@dataclass
class LifeResult:
    """What a life has left behind."""

    number: int
    trace_id: str
    name: str = ""
    email: str = ""
    phone: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    timeline: list[Json] = field(default_factory=list)
    mails: list[Json] = field(default_factory=list)
    profile: Json = field(default_factory=dict)
    points: int = 0

    @property
    def late(self) -> list[Step]:
        """Steps the timeline showed later than promised."""
        return [step for step in self.steps if step.lag is not None and step.lag > WITHIN_SECONDS]

    @property
    def slowest(self) -> float:
        return max((step.lag for step in self.steps if step.lag is not None), default=0.0)


Show = Callable[[Step], None]


class Life:
    """The state between the steps. Every call has a key made of the life's number: repeats do nothing twice."""

    def __init__(self, cast: Cast, number: int, patience: float, show: Show) -> None:
        random = Random(number)  # noqa: S311  # names, not secrets
        self.latin = bool(number % 3 == 0)
        person = names.latin_person(random) if self.latin else names.chinese_person(random)
        trace = secrets.token_hex(16)
        self.cast = cast
        self.number = number
        self.patience = patience
        self.show = show
        self.traceparent = f"00-{trace}-{secrets.token_hex(8)}-01"
        self.result = LifeResult(number, trace, person.display)
        self.result.email = f"customer{number}@example.com"
        self.result.phone = f"+86139{number % 100_000_000:08d}"
        self.ids = self.result.ids
        self.manager_name = manager(OFFICE).user_name

    def key(self, name: str) -> str:
        return f"life:{self.number}:{name}"

    async def person(self, user_name: str) -> Client:
        return (await self.cast.by_name(user_name)).traced(self.traceparent)

    async def owner(self) -> Client:
        """The seller the lead was given to."""
        return (await self.cast.by_id(self.ids["seller"])).traced(self.traceparent)

    async def manager(self) -> Client:
        return await self.person(self.manager_name)

    async def timeline(self) -> Timeline:
        # Read without our trace: looking is no part of the customer's life.
        reader = await self.cast.by_name(self.manager_name)
        return Timeline(reader, self.ids["customer"], self.patience)

    async def wait(self, look: Callable[[], Awaitable[object]], what: str) -> object:
        return await eventually(look, self.patience, f"Life {self.number}: {what}")

    async def step(self, zh: str, en: str, result: str, events: Iterable[str] = ()) -> None:
        """Note a step once the timeline shows its events."""
        lag = await (await self.timeline()).shows(events) if events else None
        step = Step(zh, en, result, lag)
        self.result.steps.append(step)
        self.show(step)


async def play_life(
    cast: Cast,
    number: int,
    *,
    patience: float = 60.0,
    show: Show = lambda _step: None,
) -> LifeResult:
    """The life of customer `number`. The demo enterprise must have been set up. `patience` is for each wait."""
    from taproot_local.demo.aftercare import AFTERCARE

    life = Life(cast, number, patience, show)
    for act in (*SALES, *AFTERCARE):
        await act(life)
    return life.result


async def submit_form(life: Life) -> None:
    visitor = life.cast.admin.anonymous().traced(life.traceparent)
    submission = {
        "name": life.result.name,
        "phone": life.result.phone,
        "email": life.result.email,
        "region": "上海",
        "product_interest": "MX-500",
        "message": "We need a fluorescence microscope." if life.latin else "我们需要一台荧光显微镜。",
        "language_code": "en" if life.latin else "zh-CN",
        "utm": {"source": "search", "campaign": "autumn"},
        "consent": True,
    }
    answer = await visitor.post(
        f"/v1/forms/{FORM_ID}/submissions", {"submission": submission}, key=life.key("form")
    )
    life.ids["submission"] = answer["submission_id"]
    await life.step("提交官网表单", "Web form submitted", answer["thank_you"]["en" if life.latin else "zh"])


async def receive_lead(life: Life) -> None:
    manager_ = await life.cast.by_name(life.manager_name)
    begun = time.monotonic()

    async def look() -> Json | None:
        found = await manager_.first("/v1/leads", f'form_submission_id = "{life.ids["submission"]}"')
        return found if found and found.get("owner_id") else None

    lead = await life.wait(look, "the lead")
    assert isinstance(lead, dict)
    life.ids |= {"lead": lead["id"], "seller": lead["owner_id"]}
    took = time.monotonic() - begun
    due = lead["feedback_due_time"][:10]
    said = f"score {lead['score']}, {name_of(lead['owner_id'])}, feedback by {due} ({took:.2f} s)"
    await life.step("生成线索并分配", "Lead scored and assigned", said)


async def work_lead(life: Life) -> None:
    seller, path = await life.owner(), f"/v1/leads/{life.ids['lead']}"
    body = {
        "verification": "LEAD_VERIFICATION_CONFIRMED",
        "urgency": "LEAD_URGENCY_HIGH",
        "note": "电话核实 Reached",
    }
    await seller.post(f"{path}:verify", body, key=life.key("verify"))
    lead = await seller.post(f"{path}:accept", key=life.key("accept-lead"))
    await life.step("核实并接受线索", "Lead verified and accepted", lead["state"].removeprefix("LEAD_STATE_"))


async def convert_lead(life: Life) -> None:
    seller = await life.owner()
    amount = {"currency_code": "CNY", "amount": "128800"}
    lead = await seller.post(
        f"/v1/leads/{life.ids['lead']}:convert", {"amount": amount}, key=life.key("convert")
    )
    life.ids |= {"customer": lead["customer_id"], "opportunity": lead["opportunity_id"]}
    events = ("customer.created", "lead.converted", "opportunity.created")
    await life.step("转为客户与商机", "Converted to customer and opportunity", lead["customer_id"], events)


async def record_consent(life: Life) -> None:
    """The form asked for marketing; for service mails the seller has asked on the telephone."""
    manager_ = await life.manager()
    consent = {
        "customer_id": life.ids["customer"],
        "purpose": "service",
        "channel": "CONSENT_CHANNEL_EMAIL",
        "decision": "CONSENT_DECISION_GRANTED",
        "source": "phone",
        "proof": "call to verify the lead",
    }
    await manager_.post("/v1/consents", consent, key=life.key("consent"))
    await (await life.timeline()).shows((), Counter({"consent.granted": 2}))
    await life.step(
        "记录同意", "Consents recorded", "marketing (form), service (phone)", ("consent.granted",)
    )


async def write_quote(life: Life) -> None:
    seller = await life.owner()
    move = {"stage": "proposal"}
    await seller.post(f"/v1/opportunities/{life.ids['opportunity']}:moveStage", move, key=life.key("stage"))
    lines: list[Json] = [{"product_id": ITEM[code].id, "quantity": "1"} for code in ("MX-500", "SV-INST")]
    lines.append({"product_id": ITEM["LF-TRIAL"].id, "quantity": "1", "unit_price": {"currency_code": "CNY", "amount": "0"}})  # fmt: skip
    quote = {
        "customer_id": life.ids["customer"],
        "opportunity_id": life.ids["opportunity"],
        "currency_code": "CNY",
        "discount_rate": "0.12",
        "lines": lines,
    }
    made = await seller.post("/v1/quotes", quote, key=life.key("quote"))
    life.ids["quote"] = made["id"]
    sent = await seller.post(
        f"/v1/quotes/{made['id']}:submit", {"comment": "老客户推荐 12 %"}, key=life.key("submit")
    )
    life.ids["approval"] = sent["approval_id"]
    said = f"{made['number']}, {money(made['totals']['total'])}, 12 % off > 10 %: {sent['state'].removeprefix('QUOTE_STATE_')}"
    events = ("opportunity.stage_moved", "quote.created", "quote.submitted", "approval.requested")
    await life.step("报价，超出折扣权限", "Quote above the approval limit", said, events)


async def approve_quote(life: Life) -> None:
    boss = await life.manager()
    await boss.post(
        f"/v1/approvals/{life.ids['approval']}:approve", {"comment": "同意 OK"}, key=life.key("approve")
    )
    events = ("approval.approved", "quote.approved")
    await life.step("主管审批", "Approved by the manager", str(boss.user.get("display_name")), events)


async def accept_quote(life: Life) -> None:
    seller, path = await life.owner(), f"/v1/quotes/{life.ids['quote']}"
    await seller.post(f"{path}:send", key=life.key("send"))
    quote = await seller.post(
        f"{path}:accept", {"customer_reference": f"PO-{life.number}"}, key=life.key("accept")
    )
    life.ids["order"] = quote["order_id"]
    await seller.post(f"/v1/opportunities/{life.ids['opportunity']}:win", key=life.key("win"))
    events = ("quote.sent", "quote.accepted", "order.submitted", "opportunity.won")
    await life.step("客户接受，生成订单", "Accepted: order placed, deal won", quote["order_id"], events)


async def deliver_order(life: Life) -> None:
    desk, path = await life.person(ORDER_DESK), f"/v1/orders/{life.ids['order']}"
    await desk.post(f"{path}:confirm", key=life.key("confirm"))
    order = await desk.post(f"{path}:fulfil", {"note": "SF-1029384756"}, key=life.key("fulfil"))
    said = f"{order['number']}, {money(order['totals']['total'])}"
    events = ("order.confirmed", "order.fulfilled", "invoice.created")
    await life.step("审核并交付订单", "Order confirmed and delivered", said, events)


async def own_entitlements(life: Life) -> None:
    reader = await life.cast.by_name(life.manager_name)

    async def look() -> list[Json]:
        found = reader.pages("/v1/entitlements", filter=f'order_id = "{life.ids["order"]}"')
        return [one async for one in found]

    entitlements = await life.wait(look, "the entitlements")
    assert isinstance(entitlements, list)
    said = "; ".join(f"{one['display_name']} → {_day(one.get('end_date'))}" for one in entitlements)
    await life.step("生成权益", "Entitlements appear", said, ("entitlement.created",))


async def pay_invoice(life: Life) -> None:
    books = await life.person(ACCOUNTANT)
    invoice = await books.first("/v1/invoices", f'order_id = "{life.ids["order"]}"')
    assert invoice is not None
    payment = {"customer_id": life.ids["customer"], "amount": invoice["total"], "method": "transfer"}
    made = await books.post(
        "/v1/payments", {"payment": payment, "auto_allocate": True}, key=life.key("payment")
    )
    life.ids |= {"invoice": invoice["id"], "payment": made["id"]}
    events = ("payment.received", "invoice.paid")
    await life.step("开票并收款", "Invoice paid", f"{invoice['number']}, {money(payment['amount'])}", events)


async def read_statement(life: Life) -> None:
    books = await life.cast.by_name(ACCOUNTANT)
    statement = await books.get(f"/v1/statements/{life.ids['customer']}")
    balance = statement.get("closing_balance", {})
    assert float(balance.get("amount", 0)) == 0, f"the account is not settled: {balance}"
    said = f"{len(statement['entries'])} entries, balance {money(balance)}"
    await life.step("对账单", "Statement of account", said)


def _day(date: Json | None) -> str:
    return f"{date['year']}-{date['month']:02d}-{date['day']:02d}" if date else "∞"


SALES: tuple[Callable[[Life], Awaitable[None]], ...] = (
    submit_form,
    receive_lead,
    work_lead,
    convert_lead,
    record_consent,
    write_quote,
    approve_quote,
    accept_quote,
    deliver_order,
    own_entitlements,
    pay_invoice,
    read_statement,
)

"""Two years of business: deals, orders, invoices, tickets, visits and leads of the demo customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from taproot_local.demo import names
from taproot_local.demo.catalog import EURO, GOODS, ITEMS, Item
from taproot_local.demo.company import OFFICES, agents
from taproot_local.demo.keys import key
from taproot_local.demo.people import SYSTEM, Someone, dice, someone

Json = dict[str, Any]
DAYS = 730
OPEN_STAGES = ("prospecting", "engaging", "proposal", "negotiation")
SUBJECTS = (
    ("REPAIR", "图像模糊 Image is blurred", "MX-200"), ("REPAIR", "离心机异响 Rotor makes noise", "CF-16"),
    ("REPAIR", "温度不稳 Temperature drifts", "IN-80"), ("INCIDENT", "软件无法登录 Cannot sign in to LabFlow", "LF-STD"),
    ("INCIDENT", "校准证书缺失 Calibration certificate missing", "SV-CAL"), ("INQUIRY", "询问备件价格 Price of spare parts", ""),
    ("INQUIRY", "如何导出数据 How to export data", "LF-PRO"), ("COMPLAINT", "交货延迟 Late delivery", ""),
    ("SUGGESTION", "希望支持批量打印 Batch printing, please", "LF-PRO"),
)  # fmt: skip
VISITS = (
    ("CALL", "需求沟通 Talked about needs"), ("CALL", "报价跟进 Followed up the quote"), ("VISIT", "现场演示 Demonstration"),
    ("VISIT", "季度拜访 Quarterly visit"), ("MEETING", "技术交流 Technical meeting"), ("EMAIL", "发送资料 Sent documents"),
    ("NOTE", "客户计划扩建实验室 Plans a second laboratory"),
)  # fmt: skip


@dataclass(frozen=True)
class History:
    """Everything happened before `today`, whatever the time; `ids` are the customers by number, `count` of them."""

    today: date
    ids: dict[int, str]

    @property
    def count(self) -> int:
        return len(self.ids)

    def pick(self, random: Random, *, buyer: bool) -> Someone:
        """A customer, preferably one who buys."""
        who = someone(random.randrange(self.count))
        for _ in range(20 if buyer else 0):
            if who.buys:
                break
            who = someone(random.randrange(self.count))
        return who

    def day(self, random: Random) -> date:
        """A past one. More of it lately: business grows."""
        return self.today - timedelta(days=DAYS - int((DAYS - 1) * random.random() ** 0.7))

    def opportunity(self, number: int) -> Json:
        random = dice("opportunity", number)
        who = self.pick(random, buyer=random.random() < 0.75)
        opened = self.day(random)
        made: Json = {
            "id": key("opportunity", number),
            "external_id": f"{SYSTEM}:{number}",
            "customer_id": self.ids[who.number],
            "owner_id": who.seller.id,
            "branch_id": who.office.id,
            "open_time": moment(opened, random),
            "region": who.office.regions[0],
            "source": random.choice(("web_form", "referral", "fair", "phone")),
        }
        items = random.sample(ITEMS[:9] + ITEMS[11:], random.choice((1, 1, 2, 3)))
        made["lines"] = [_line(item, random, who) for item in items]
        made["display_name"] = f"{items[0].zh} {items[0].code} × {made['lines'][0]['quantity']}"
        return made | self._outcome(who, opened, random)

    def _outcome(self, who: Someone, opened: date, random: Random) -> Json:
        age = (self.today - opened).days
        closed = opened + timedelta(days=random.randint(7, 120))
        if closed >= self.today or (age < 60 and random.random() < 0.6):
            expected = self.today + timedelta(days=random.randint(3, 90))
            return {"stage": random.choice(OPEN_STAGES), "expected_close_date": day(expected)}
        if random.random() < (0.62 if who.buys else 0.25):
            return {"stage": "won", "close_time": moment(closed, random)}
        return {"stage": "lost", "close_time": moment(closed, random)}

    def order(self, number: int) -> Json:
        random = dice("order", number)
        who = self.pick(random, buyer=True)
        ordered = self.day(random)
        delivered = min(ordered + timedelta(days=random.randint(2, 30)), self.today)
        recent = (self.today - ordered).days < 14
        state = (
            random.choice(("SUBMITTED", "CONFIRMED"))
            if recent
            else "CANCELLED"
            if random.random() < 0.04
            else "FULFILLED"
        )
        items = random.sample(ITEMS[:10] + ITEMS[11:], random.choice((1, 2, 2, 3, 4)))
        made: Json = {
            "id": key("order", number),
            "external_id": f"{SYSTEM}:{number}",
            "customer_id": self.ids[who.number],
            "owner_id": who.seller.id,
            "branch_id": who.office.id,
            "state": f"ORDER_STATE_{state}",
            "order_date": day(ordered),
            "currency_code": who.office.currency,
            "lines": [_line(item, random, who, discount=True) for item in items],
            "customer_reference": f"PO-{ordered:%y%m}-{number:04d}",
        }
        return made | ({"fulfil_date": day(delivered)} if state == "FULFILLED" else {})

    def invoice(self, order: Json, number: int) -> Json:
        """For an order that was delivered: history raises none by itself."""
        lines = [
            {
                "product_id": line.get("product_id", ""),
                "display_name": line["display_name"],
                "quantity": line["quantity"],
                "net": line["net"],
                "tax": line["tax"],
            }
            for line in order["lines"]
        ]
        return {
            "id": key("invoice", number),
            "external_id": f"{SYSTEM}:{number}",
            "customer_id": order["customer_id"],
            "note": order.get("customer_reference", ""),
            "currency_code": order["currency_code"],
            "invoice_date": order["fulfil_date"],
            "owner_id": order["owner_id"],
            "branch_id": order["branch_id"],
            "lines": lines,
        }

    def ticket(self, number: int) -> Json:
        random = dice("ticket", number)
        who = self.pick(random, buyer=True)
        kind, subject, code = random.choice(SUBJECTS)
        opened = self.day(random)
        begun = datetime.combine(opened, time(random.randint(1, 9), random.randrange(60)), UTC)
        made: Json = {
            "id": key("ticket", number),
            "external_id": f"{SYSTEM}:{number}",
            "display_name": subject,
            "kind": f"TICKET_KIND_{kind}",
            "priority": f"TICKET_PRIORITY_{random.choice(('LOW', 'NORMAL', 'NORMAL', 'HIGH', 'CRITICAL'))}",
            "customer_id": self.ids[who.number],
            "channel": random.choice(("phone", "email", "web", "wechat")),
            "categories": [subject.split()[0]],
            "region": who.office.regions[0],
            "owner_id": random.choice(agents(who.office.code)).id,
            "branch_id": who.office.id,
            "open_time": stamp(begun),
        }
        return made | ({"product_code": code} if code else {}) | self._handling(begun, random)

    def _handling(self, begun: datetime, random: Random) -> Json:
        answered = begun + timedelta(minutes=random.randint(5, 600))
        solved = answered + timedelta(hours=random.randint(1, 140))
        now = datetime.combine(self.today, time(), UTC)
        if solved > now - timedelta(days=2):
            later = {"first_response_time": stamp(answered)} if answered < now else {}
            return {"state": "TICKET_STATE_OPEN" if later else "TICKET_STATE_NEW", **later}
        rated = (
            {"satisfaction_score": random.choices((1, 2, 3, 4, 5), (4, 6, 15, 40, 35))[0]}
            if random.random() < 0.5
            else {}
        )
        return {
            "state": "TICKET_STATE_CLOSED",
            "first_response_time": stamp(answered),
            "resolve_time": stamp(solved),
            "close_time": stamp(solved + timedelta(days=1)),
            "resolution": "已处理 Done",
            **rated,
        }

    def activity(self, number: int) -> Json:
        random = dice("activity", number)
        who = self.pick(random, buyer=random.random() < 0.6)
        kind, subject = random.choice(VISITS)
        return {
            "id": key("activity", number),
            "customer_id": self.ids[who.number],
            "kind": f"ACTIVITY_KIND_{kind}",
            "display_name": subject,
            "outcome": random.choice(("interested", "reached", "no_answer", "needs_time")),
            "start_time": moment(self.day(random), random),
            "owner_id": who.seller.id,
            "branch_id": who.office.id,
        }

    def contact(self, number: int, who: Someone) -> Json:
        random = dice("contact", number)
        person = names.latin_person(random) if who.latin else names.chinese_person(random)
        role = random.choice(("DECISION_MAKER", "INFLUENCER", "BUYER", "USER", "TECHNICAL", "FINANCE"))
        return {
            "id": key("contact", number),
            "customer_id": self.ids[who.number],
            "display_name": person.display,
            "given_name": person.given,
            "family_name": person.family,
            "role": f"CONTACT_ROLE_{role}",
            "job_title": random.choice(
                ("实验室主任 Head of laboratory", "采购经理 Buyer", "工程师 Engineer")
            ),
            "identifiers": [
                {"kind": "IDENTIFIER_KIND_PHONE", "value": f"+86137{number:08d}"},
                {"kind": "IDENTIFIER_KIND_EMAIL", "value": f"p{number:05d}@example.net"},
            ],
        }

    def lead(self, number: int) -> Json:
        random = dice("lead", number)
        office = random.choice(OFFICES)
        person = names.latin_person(random) if office.abroad else names.chinese_person(random)
        return {
            "id": key("lead", number),
            "external_id": f"{SYSTEM}:{number}",
            "name": person.display,
            "company": names.chinese_company(random, office.city).display if random.random() < 0.5 else "",
            "phone": f"+86135{number:08d}",
            "email": f"lead{number:04d}@example.org",
            "region": office.regions[0],
            "product_interest": random.choice(GOODS).code,
            "source": random.choice(("web_form", "fair", "referral", "partner")),
        }


def _line(item: Item, random: Random, who: Someone, *, discount: bool = False) -> Json:
    quantity = random.choice((1, 1, 1, 2, 3)) if item.price > 5000 else random.randint(1, 20)
    euro = who.office.currency == "EUR"
    price = (Decimal(item.price) / Decimal(str(EURO)) if euro else Decimal(item.price)).quantize(
        Decimal("0.01")
    )
    line: Json = {
        "product_id": item.id,
        "quantity": str(quantity),
        "unit_price": {"currency_code": who.office.currency, "amount": str(price)},
    }
    return line | ({"discount_rate": random.choice(("0", "0", "0.03", "0.05", "0.08"))} if discount else {})


def day(value: date) -> Json:
    return {"year": value.year, "month": value.month, "day": value.day}


def moment(value: date, random: Random) -> str:
    """Some time of a working day in China."""
    return stamp(datetime.combine(value, time(random.randint(1, 9), random.randrange(60)), UTC))


def stamp(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")

"""What the demo enterprise sells, for how much, and how it serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from taproot_local.demo.company import OFFICES, agents, manager, sellers, team_id
from taproot_local.demo.keys import key

Json = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """A product; `price` in CNY."""

    code: str
    zh: str
    en: str
    kind: str
    price: int
    unit: str = "piece"
    category: str = ""
    months: int = 0
    tax: str = "0.13"

    @property
    def id(self) -> str:
        return key("product", self.code)

    def record(self) -> Json:
        return {
            "id": self.id,
            "code": self.code,
            "display_name": f"{self.zh} {self.en}",
            "name_zh": self.zh,
            "name_en": self.en,
            "kind": self.kind,
            "unit": self.unit,
            "category": self.category,
            "tax_rate": self.tax,
            "list_price": {"currency_code": "CNY", "amount": str(self.price)},
            "entitlement_months": self.months,
        }


ITEMS = (
    Item("MX-200", "生物显微镜", "Biological microscope", "GOODS", 28600, "台", "仪器/显微镜", 24),
    Item("MX-500", "荧光显微镜", "Fluorescence microscope", "GOODS", 126000, "台", "仪器/显微镜", 24),
    Item("CF-16", "台式离心机", "Benchtop centrifuge", "GOODS", 19800, "台", "仪器/离心机", 12),
    Item("CF-60R", "冷冻离心机", "Refrigerated centrifuge", "GOODS", 86500, "台", "仪器/离心机", 12),
    Item("SP-30", "紫外分光光度计", "UV spectrophotometer", "GOODS", 45200, "台", "仪器/光谱", 12),
    Item("PH-7", "酸度计", "pH meter", "GOODS", 3980, "台", "仪器/电化学", 12),
    Item("BA-220", "分析天平", "Analytical balance", "GOODS", 12800, "台", "仪器/称量", 12),
    Item("IN-80", "恒温培养箱", "Incubator", "GOODS", 9600, "台", "仪器/温控", 12),
    Item("CB-100", "样品瓶（100 支）", "Sample vials (100)", "GOODS", 268, "盒", "耗材"),
    Item("PT-96", "移液吸头（96 支）", "Pipette tips (96)", "GOODS", 85, "盒", "耗材"),
    Item("LF-TRIAL", "LabFlow 试用许可", "LabFlow trial licence", "LICENCE", 0, "套", "软件", 1, "0.06"),
    Item("LF-STD", "LabFlow 标准版年度许可", "LabFlow standard, one year", "LICENCE", 12000, "套", "软件", 12, "0.06"),
    Item("LF-PRO", "LabFlow 专业版年度许可", "LabFlow professional, one year", "LICENCE", 36000, "套", "软件", 12, "0.06"),
    Item("SV-INST", "安装调试", "Installation", "SERVICE", 2800, "次", "服务", 0, "0.06"),
    Item("SV-CAL", "年度校准服务", "Yearly calibration", "SERVICE", 6800, "年", "服务", 12, "0.06"),
    Item("SV-TRN", "操作培训", "Operator training", "SERVICE", 4500, "天", "服务", 0, "0.06"),
    Item("WA-36", "延长保修 36 个月", "Extended warranty, 36 months", "WARRANTY", 8800, "份", "服务", 36, "0.06"),
)  # fmt: skip
ITEM = {item.code: item for item in ITEMS}
TRIAL = ITEM["LF-TRIAL"]
GOODS = tuple(item for item in ITEMS if item.kind == "GOODS" and item.price > 1000)
EURO = 7.8  # CNY per EUR in the price book of Hamburg


def price_books() -> list[tuple[Json, list[Json]]]:
    """Each book with its prices."""

    def book(name: str, title: str, currency: str, **more: Any) -> Json:
        return {"id": key("book", name), "display_name": title, "currency_code": currency, **more}

    def prices(factor: float) -> list[Json]:
        return [
            {"product_id": item.id, "unit_price": f"{item.price * factor:.2f}"}
            for item in ITEMS
            if item.price
        ]

    return [
        (book("standard", "标准价 Standard", "CNY"), prices(1.0)),
        (book("class-a", "A 类客户价 Class A", "CNY", customer_class="A", priority=10), prices(0.92)),
        (book("euro", "Europe", "EUR"), prices(1 / EURO)),
    ]


def approval_policies() -> list[Json]:
    step = {
        "display_name": "经理审批 Manager",
        "mode": "APPROVAL_MODE_ANY_OF",
        "permission": "quotes.approve",
        "deadline_hours": 48,
        "deadline_action": "DEADLINE_ACTION_REMIND",
    }
    return [
        {
            "id": key("policy", "discount"),
            "display_name": "折扣超过 10% / Discount above 10 %",
            "subject_type": "quote",
            "max_discount_share": "0.1",
            "priority": 1,
            "steps": [step],
        },
        {
            "id": key("policy", "total"),
            "display_name": "总额超过 500,000 / Total above 500,000",
            "subject_type": "quote",
            "max_total": {"currency_code": "CNY", "amount": "500000"},
            "priority": 2,
            "steps": [step],
        },
    ]


def calendars() -> list[Json]:
    days = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")

    def calendar(name: str, title: str, zone: str, country: str, start: str, end: str) -> Json:
        hours = [{"day": day, "start": start, "end": end} for day in days]
        return {
            "id": key("calendar", name),
            "display_name": title,
            "time_zone": zone,
            "opening_hours": hours,
            "holiday_country": country,
        }

    return [
        calendar("cn", "中国工作时间 China", "Asia/Shanghai", "CN", "09:00", "18:00"),
        calendar("de", "Deutschland", "Europe/Berlin", "DE", "08:00", "17:00"),
    ]


def sla_policies() -> list[Json]:
    hour = 3600
    target = {"metric": "SLA_METRIC_FIRST_RESPONSE", "target_seconds": str(2 * hour)}
    done = {"metric": "SLA_METRIC_RESOLUTION", "target_seconds": str(27 * hour)}
    return [
        {
            "id": key("sla", "repair"),
            "display_name": "报修：2 小时响应 / Repairs: answer in 2 h",
            "rank": 50,
            "kinds": ["TICKET_KIND_REPAIR"],
            "calendar_id": key("calendar", "cn"),
            "targets": [target, done],
        },
        {
            "id": key("sla", "class-a"),
            "display_name": "A 类客户 / Class A",
            "rank": 20,
            "value_classes": ["A"],
            "targets": [{**target, "target_seconds": str(hour)}],
        },
    ]


def queues() -> list[Json]:
    members = [person.id for office in OFFICES for person in agents(office.code)]
    abroad = [person.id for person in agents("hh")]
    return [
        {
            "id": key("queue", "hotline"),
            "display_name": "服务热线 Hotline",
            "rank": 100,
            "branch_id": key("branch", "sh"),
            "member_ids": members,
        },
        {
            "id": key("queue", "europe"),
            "display_name": "Europe",
            "rank": 90,
            "categories": ["europe"],
            "branch_id": key("branch", "hh"),
            "member_ids": abroad,
        },
    ]


def stations() -> list[Json]:
    """Two repair stations per office."""
    found = []
    for office in OFFICES:
        for number, skills in enumerate((["MX-200", "MX-500", "SP-30"], [])):
            found.append(
                {
                    "id": key("station", office.code, number),
                    "code": f"{office.code.upper()}-{number + 1}",
                    "display_name": f"{office.city}维修站 {number + 1}"
                    if not office.abroad
                    else f"Service point {number + 1} Hamburg",
                    "regions": list(office.regions),
                    "skills": skills,
                    "capacity": 400 if office.code == "sh" else 30,
                    "branch_id": office.id,
                    "owner_id": manager(office.code).id,
                }
            )
    return found


def assignment_rules() -> list[Json]:
    return [
        {
            "id": key("rule", office.code),
            "display_name": f"线索 → {office.name}",
            "priority": 10,
            "regions": list(office.regions),
            "branch_id": office.id,
            "user_ids": [person.id for person in sellers(office.code)],
        }
        for office in OFFICES
    ]


def teams() -> list[Json]:
    return [
        {
            "id": team_id(f"{office.code}-{kind}"),
            "display_name": f"{office.city} {title}",
            "branch_id": office.id,
        }
        for office in OFFICES
        for kind, title in (("sales", "销售 Sales"), ("service", "客服 Service"))
    ]

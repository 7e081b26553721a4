"""The demo customers: who they are, which office serves them, how far the relation has come."""

from __future__ import annotations

import base64
import csv
import io
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from taproot_local.demo import names
from taproot_local.demo.company import OFFICES, Office, Staff, sellers

SEED = 20_240_229
SYSTEM = "demo"
SOURCES = ("web_form", "referral", "fair", "partner", "phone", "search")
STREETS = (
    "中山路",
    "人民路",
    "解放路",
    "建设大道",
    "科技园路",
    "滨江大道",
    "文化路",
    "和平街",
    "学院路",
    "创新大道",
)
LATIN_STREETS = ("Hafenstraße", "Alsterweg", "Speicherstraße", "Gartenweg", "Industriestraße", "Lindenallee")
COLUMNS = (
    "external", "kind", "display_name", "given_name", "family_name", "phone", "email", "address.lines",
    "address.city", "address.region", "address.postal_code", "address.country", "status", "value_class", "industry",
    "region", "source", "tags", "language_code", "birth_date",
)  # fmt: skip


def dice(kind: str, number: int) -> Random:
    """Randomness of one record, the same in every run."""
    return Random(f"{SEED}/{kind}/{number}")  # noqa: S311  # demo data


@dataclass(frozen=True)
class Someone:
    """Customer `number` as far as other records need to know."""

    number: int
    office: Office
    seller: Staff
    organisation: bool
    latin: bool
    status: str
    value_class: str

    @property
    def external(self) -> str:
        return f"{SYSTEM}:{self.number:06d}"

    @property
    def buys(self) -> bool:
        return self.status == "won"


@lru_cache(maxsize=20_000)
def someone(number: int) -> Someone:
    random = dice("customer", number)
    office = random.choices(OFFICES, [one.share for one in OFFICES])[0]
    crew = sellers(office.code)
    status = random.choices(("won", "intent", "potential", "partner", "competitor"), (42, 22, 33, 2, 1))[0]
    classes = (12, 30, 58) if status == "won" else (2, 10, 30)
    value_class = random.choices(("A", "B", "C"), classes)[0] if random.random() < 0.8 else ""
    latin = random.random() < (0.9 if office.abroad else 0.04)
    return Someone(number, office, random.choice(crew), random.random() < 0.35, latin, status, value_class)


def row(number: int) -> dict[str, str]:
    """The customer as a line of a file."""
    who, random = someone(number), dice("person", number)
    values = {
        "external": f"{number:06d}",
        "kind": "organization" if who.organisation else "person",
        "email": f"c{number:06d}@{random.choice(('example.com', 'example.net', 'example.org'))}",
        "phone": phone(who, number),
        "status": who.status,
        "value_class": who.value_class,
        "region": who.office.regions[0],
        "source": random.choice(SOURCES),
        "tags": random.choice(("", "", "newsletter", "seminar", "key project")),
        "language_code": "en" if who.latin else "zh-CN",
        **_address(who, random),
    }
    return values | (_company(who, random) if who.organisation else _person(who, random))


def phone(who: Someone, number: int) -> str:
    return f"+494022{number:06d}" if who.office.abroad else f"+86136{number:08d}"


def _person(who: Someone, random: Random) -> dict[str, str]:
    person = names.latin_person(random) if who.latin else names.chinese_person(random)
    born = f"{random.randint(1955, 2003)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}"
    return {
        "display_name": person.display,
        "given_name": person.given,
        "family_name": person.family,
        "birth_date": born,
    }


def _company(who: Someone, random: Random) -> dict[str, str]:
    company = names.latin_company(random) if who.latin else names.chinese_company(random, who.office.city)
    return {"display_name": company.display, "industry": company.industry}


def _address(who: Someone, random: Random) -> dict[str, str]:
    if who.office.abroad:
        line, code = (
            f"{random.choice(LATIN_STREETS)} {random.randint(1, 120)}",
            f"20{random.randint(100, 599)}",
        )
    else:
        line, code = (
            f"{random.choice(STREETS)}{random.randint(1, 988)}号",
            f"{random.randint(100000, 699999)}",
        )
    return {
        "address.lines": line,
        "address.city": who.office.city,
        "address.region": who.office.province,
        "address.postal_code": code,
        "address.country": who.office.country,
    }


def csv_of(numbers: list[int]) -> str:
    """The customers as a CSV file, base64, for the import API."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(row(number) for number in numbers)
    return base64.b64encode(out.getvalue().encode()).decode()


def by_seller(count: int) -> dict[str, list[int]]:
    """Numbers of customers by the user name of who looks after them."""
    found: dict[str, list[int]] = {}
    for number in range(count):
        found.setdefault(someone(number).seller.user_name, []).append(number)
    return found


def mapping() -> list[dict[str, Any]]:
    """Which column goes where."""
    return [
        {"index": index, "field": "external" if name == "external" else name}
        for index, name in enumerate(COLUMNS)
    ]

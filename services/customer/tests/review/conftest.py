"""A made-up enterprise: as many customers as wanted, Chinese and English, and who of them is the same."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from taproot_customer.matching.blocking import blocking_keys
from taproot_customer.matching.names import word_list
from taproot_customer.matching.traits import traits_of
from taproot_customer.merging.identity import identity_of
from taproot_customer.merging.model import customer_blocks, customer_traits
from taproot_storage.database import Database

DUPLICATES = 0.05
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_FAMILIES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
)
_GIVEN = "伟芳娜秀敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰红梅建国文辉志宇浩然子轩雨欣梓涵思远嘉怡晨曦博雅诗琪天佑"
_ENGLISH = word_list(
    "james mary robert patricia john jennifer michael linda david elizabeth william barbara "
    "richard susan joseph jessica thomas sarah christopher karen charles lisa daniel nancy "
    "matthew betty anthony sandra mark margaret donald ashley steven kimberly andrew emily paul "
    "donna joshua michelle kenneth carol kevin amanda brian melissa george deborah"
)
_MIDDLE = word_list(
    "al an ar be ca da de el er fa ga ha is ja ka la le li ma mi na ni or ra re ri ro sa se ta te va vi"
)
_LAST = word_list(
    "bel cia dan dra gan lia lan lin lyn ma na nel ner nia ra ric rin ron ta than tin ton via vin wen"
)
_START = word_list(
    "bar ben bur cal car dal dun ed fair fen gar gil hal har hol kel ken lan mar mil nor par "
    "pem rad ros sel stan ter wal wen"
)
_END = word_list(
    "bridge brook bury by combe croft dale den field ford gate ham hurst ley man mond more ner "
    "ridge sey shaw son ston ton well wick win worth"
)
_CITIES = word_list(
    "上海 北京 广州 深圳 杭州 南京 武汉 成都 西安 重庆 苏州 天津 长沙 青岛 郑州 宁波 合肥 厦门 福州 济南"
)
_STREETS = word_list(
    "中山路 人民路 解放路 建设路 南京路 北京路 和平路 文化路 长江路 黄河路 新华路 光明街 朝阳街 学府路 科技路"
)
_TRADES = word_list("科技 贸易 电子 机械 实业 化工 食品 物流 软件 生物医药 建筑工程 文化传媒")
_FORMS = word_list("有限公司 有限责任公司 股份有限公司 集团有限公司")


class Crowd:
    """Rows of customers from one seed. A duplicate stands somewhere behind its original."""

    def __init__(self, size: int, seed: int = 20) -> None:
        self._random = random.Random(seed)
        self._originals = max(2, round(size * (1 - DUPLICATES)))
        self._size = size
        self.same: set[tuple[uuid.UUID, uuid.UUID]] = set()

    def rows(self) -> Iterator[dict[str, Any]]:
        kept: list[dict[str, Any]] = []
        share = (self._size - self._originals) / self._originals
        for _ in range(self._originals):
            row = self._company() if self._random.random() < 0.3 else self._person()
            yield row
            if self._random.random() < share:
                kept.append(row)
        for row in kept:
            twin = self._spoilt(row)
            self.same.add((row["id"], twin["id"]))
            yield twin

    def _key(self) -> uuid.UUID:
        return uuid.UUID(int=self._random.getrandbits(128))

    def _person(self) -> dict[str, Any]:
        pick = self._random.choice
        if self._random.random() < 0.6:
            given = pick(_GIVEN) + (pick(_GIVEN) if self._random.random() < 0.8 else "")
            family, city = pick(_FAMILIES), pick(_CITIES)
        else:
            given, family, city = self._english().title(), (pick(_START) + pick(_END)).title(), "London"
        born = dt.date(1945, 1, 1) + dt.timedelta(days=self._random.randrange(22_000))
        mail = f"{pick(_ENGLISH)}.{self._random.randrange(10**7)}@example.com"
        return self._row("person", "", given, family, born, city, self._reached(mail))

    def _english(self) -> str:
        """Half of the people share few names, as everywhere."""
        pick = self._random.choice
        return (
            pick(_ENGLISH) if self._random.random() < 0.5 else pick(_START)[:2] + pick(_MIDDLE) + pick(_LAST)
        )

    def _company(self) -> dict[str, Any]:
        pick, city = self._random.choice, self._random.choice(_CITIES)
        name = city + "".join(pick(_GIVEN + _FAMILIES) for _ in range(3)) + pick(_TRADES) + pick(_FORMS)
        mail = f"info@c{self._random.randrange(10**8)}.example"
        return self._row("organization", name, "", "", None, city, self._reached(mail))

    def _reached(self, mail: str) -> list[dict[str, Any]]:
        """Not everybody tells everything."""
        found = []
        if self._random.random() < 0.7:
            found.append({"kind": "phone", "value": f"1{self._random.randrange(3 * 10**9, 9 * 10**9)}"})
        if self._random.random() < 0.5:
            found.append({"kind": "email", "value": mail})
        return found

    def _row(
        self, kind: str, name: str, given: str, family: str, born: Any, city: str, identifiers: Any
    ) -> dict[str, Any]:
        street = f"{self._random.choice(_STREETS)}{self._random.randrange(1, 2000)}号"
        address = {"lines": [street], "city": city, "region": "", "postal_code": "", "country": ""}
        return {
            "id": self._key(),
            "kind": kind,
            "display_name": name or (f"{given} {family}" if given.isascii() else family + given),
            "given_name": given,
            "family_name": family,
            "birth_date": born,
            "identifiers": identifiers,
            "addresses": [address] if self._random.random() < 0.6 else [],
        }

    def _spoilt(self, row: dict[str, Any]) -> dict[str, Any]:
        """The same customer as somebody else would have written it down: one slip, some fields missing."""
        twin = {**row, "id": self._key()}
        if row["kind"] == "organization":
            for form in _FORMS:
                twin["display_name"] = twin["display_name"].removesuffix(form)
        elif self._random.random() < 0.5:
            twin["given_name"] = _slip(row["given_name"], self._random)
        elif row["birth_date"].day <= 12:
            twin["birth_date"] = row["birth_date"].replace(
                month=row["birth_date"].day, day=row["birth_date"].month
            )
        if self._random.random() < 0.4:
            twin["identifiers"] = row["identifiers"][:1]
        if self._random.random() < 0.3:
            twin["addresses"] = []
        return twin


def _slip(word: str, chance: random.Random) -> str:
    if len(word) < 4:
        return word
    place = chance.randrange(1, len(word) - 1)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


_REST: dict[str, Any] = {
    "version": 1, "create_time": NOW, "update_time": NOW, "status": "potential", "value_class": "", "loyalty_class": "", "shares": [],
    "industry": "", "region": "", "source": "", "tags": [], "language_code": "zh-CN", "time_zone": "", "parent_id": None,
    "key_account": False, "note": "", "owner_id": None, "branch_id": None, "branch_path": "/hq/", "custom": {},
    "sort_key": "", "search_tokens": [], "delete_time": None, "merged_into": None, "merged_ids": [],
}  # fmt: skip
_BATCH = 20_000


async def settle(crowd: Crowd, database: Database) -> None:
    """Store the customers and what they are compared by, as their events would have."""
    batch: list[dict[str, Any]] = []
    async with database.connection() as connection:
        for row in crowd.rows():
            batch.append(row)
            if len(batch) == _BATCH:
                await _copy(connection, batch)
                batch = []
        await _copy(connection, batch)
        await connection.execute("ANALYZE customers, customer_traits, customer_blocks")


async def _copy(connection: Any, rows: list[dict[str, Any]]) -> None:
    ready = [(row["id"], traits_of(identity_of(row, "CN"))) for row in rows]
    stored = [{**_REST, **row} for row in rows]
    await connection.execute(
        "INSERT INTO customers SELECT * FROM jsonb_populate_recordset(null::customers, $1)", stored
    )
    traits = [(key, 1, one.pack()) for key, one in ready]
    await connection.copy_records_to_table(customer_traits.name, records=traits)
    blocks = [(block, key) for key, one in ready for block in blocking_keys(one)]
    await connection.copy_records_to_table(
        customer_blocks.name, records=blocks, columns=["key", "customer_id"]
    )


@pytest.fixture
def settled(service: Any) -> Any:
    """A crowd of the wanted size, stored in the service's database."""

    async def make(size: int) -> Crowd:
        crowd = Crowd(size)
        await settle(crowd, service.runtime.database)
        return crowd

    return make

"""A record in the form it is compared in: normalised once, compared often."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import orjson

from taproot_customer.matching import places
from taproot_customer.matching.names import company_core, fold, has_chinese, pinyin, word_list
from taproot_customer.matching.regions import split_place

_TITLES = frozenset(word_list("mr mrs ms miss dr prof sir madam jr sr ii iii phd md"))
_CHINESE_TITLES = ("先生", "女士", "小姐", "太太", "老师")
_COMPOUND = frozenset(
    word_list(
        "欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 长孙 宇文 司徒 轩辕 夏侯 端木 百里 呼延 南宫 东郭 西门 独孤 钟离 闻人 赫连 澹台 公冶 "
        "宗政 濮阳 淳于 单于 太叔 申屠 仲孙 公羊 司空 万俟 拓跋 完颜 纳兰 第五 梁丘"
    )
)


@dataclass(frozen=True)
class Identity:
    """What is known of a customer. Identifiers are normal forms; phones without extension; `numbers` as
    (kind, value). `name` is what is shown; the parts of a person's name are taken from it when not given.
    """

    organization: bool
    name: str = ""
    given_name: str = ""
    family_name: str = ""
    birth_date: dt.date | None = None
    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    numbers: frozenset[tuple[str, str]] = frozenset()
    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class Traits:
    """Comparable form of an Identity; texts are folded, `*_sound` is pinyin where there is Chinese."""

    organization: bool
    given: str = ""
    given_sound: str = ""
    family: str = ""
    family_sound: str = ""
    name: str = ""
    name_sound: str = ""
    place: str = ""
    birth: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()
    houses: tuple[str, ...] = ()
    city: str = ""
    region: str = ""
    postal: str = ""

    def pack(self) -> bytes:
        return orjson.dumps([getattr(self, name) for name in self.__slots__])

    @classmethod
    def unpack(cls, packed: bytes) -> Traits:
        values: list[Any] = orjson.loads(packed)
        values[11] = tuple((kind, value) for kind, value in values[11])
        return cls(*values)


def traits_of(identity: Identity) -> Traits:
    words, houses = places.street_words(identity.street)
    common: dict[str, Any] = {
        "phones": tuple(sorted(identity.phones)),
        "emails": tuple(sorted(identity.emails)),
        "numbers": tuple(sorted(identity.numbers)),
        "words": places.strong_words(words),
        "houses": houses,
        "city": places.city_name(identity.city),
        "region": fold(identity.region),
        "postal": places.postal_code(identity.postal_code),
    }
    if identity.organization:
        return Traits(True, **_company_name(identity.name), **common)
    born = identity.birth_date.strftime("%Y%m%d") if identity.birth_date else ""
    return Traits(False, **_person_name(identity), birth=born.zfill(8) if born else "", **common)


def _company_name(name: str) -> dict[str, Any]:
    core = company_core(name)
    if not has_chinese(core):
        return {"name": core, "name_sound": core}
    place, rest = split_place(core)
    return {"name": rest, "name_sound": pinyin(rest), "place": place}


def _person_name(identity: Identity) -> dict[str, Any]:
    given, family = fold(identity.given_name), fold(identity.family_name)
    if not (given or family):
        given, family = split_name(identity.name)
    if has_chinese(given) or has_chinese(family):
        given, family = given.replace(" ", ""), family.replace(" ", "")
    return {
        "given": given,
        "given_sound": _sound(given),
        "family": family,
        "family_sound": _sound(family),
    }


def _sound(part: str) -> str:
    return pinyin(part).replace(" ", "") if has_chinese(part) else part


def split_name(name: str) -> tuple[str, str]:
    """Given and family name of a person's name as people write it, folded."""
    folded = fold(name)
    if has_chinese(folded):
        return _split_chinese(folded.replace(" ", ""))
    head, comma, tail = name.partition(",")
    if comma and fold(tail) and fold(tail) not in _TITLES:
        return fold(tail), fold(head)
    words = [word for word in folded.split() if word not in _TITLES] or folded.split()
    return " ".join(words[:-1]), words[-1] if words else ""


def _split_chinese(name: str) -> tuple[str, str]:
    for title in _CHINESE_TITLES:
        if name.endswith(title) and len(name) > len(title):
            name = name.removesuffix(title)
    size = 2 if name[:2] in _COMPOUND and len(name) > 2 else 1
    return name[size:], name[:size]

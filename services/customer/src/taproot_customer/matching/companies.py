"""Outcome of comparing two company names whose legal forms and places are already aside."""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz.distance import OSA, Indel

from taproot_customer.matching.names import has_chinese, word_list
from taproot_customer.matching.outcomes import alikeness
from taproot_customer.matching.traits import Traits

_WORD, _ALIKE, _NEAR = 0.9, 0.85, 0.6
_SHORT = 3
_COMMON_WEIGHT = 0.35
COMMON_WORDS = frozenset(
    word_list(
        "academy agency american analytics associates association automotive bank building business "
        "capital care center centre china church city clinic club college commerce communications "
        "community construction consulting council daycare design development digital early "
        "education electric electronic electronics energy engineering enterprise enterprises "
        "equipment estate financial food foods foundation global health home hospital hotel house "
        "import export industrial industries industry information institute insurance international "
        "investment investments lab labs learning logistics machinery management manufacturing "
        "marketing material materials media medical motors national network new office optical "
        "organization partners pharma pharmaceutical pharmaceuticals power precision primary "
        "products properties public real research restaurant retail school schools science sciences "
        "security service services shop society software solution solutions store studio supply "
        "system systems tech technical technologies technology textile trade trading transport "
        "travel union university world"
    )
)
_SHARE_CLASS = re.compile(r"(?<=[一-鿿]{2})[ab]$")
_CHINESE_COMMON = word_list(
    "科技 技术 贸易 商贸 实业 发展 投资 股份 电子 信息 网络 管理 咨询 国际 工业 企业 控股 机械 设备 材料 新材料 化工 制药 药业 医药 医疗 生物 环保 能源 电力 "
    "电气 电器 汽车 建设 建筑 工程 装饰 文化 传媒 食品 物流 服务 软件 智能 系统 通信 通讯 光电 半导体 精密 制造 农业 教育 餐饮 酒店 房地产 地产 置业 金属 "
    "钢铁 纺织 服饰 家居 包装 塑料 橡胶 水务 环境 数据 数码 自动化"
)


def company_outcome(left: Traits, right: Traits) -> str:
    if not (left.name and right.name):
        return ""
    chinese = has_chinese(left.name), has_chinese(right.name)
    if left.name == right.name:
        return _same(left, right, chinese=chinese[0])
    if all(chinese):
        return _chinese(left.name, left.name_sound, right.name, right.name_sound)
    if any(chinese):
        return _across(left.name_sound, right.name_sound)
    return _latin(left.name, right.name)


def _same(left: Traits, right: Traits, *, chinese: bool) -> str:
    if left.place != right.place:
        both = left.place and right.place and left.place not in right.place and right.place not in left.place
        return "same, another place" if both else "same but for the place"
    length = len(left.name.replace(" ", ""))
    return "same, short" if length <= (_SHORT if chinese else _SHORT + 2) else "same"


def _chinese(left: str, left_sound: str, right: str, right_sound: str) -> str:
    if left_sound == right_sound:
        return "alike"
    own, other = distinctive(left), distinctive(right)
    if own == other:  # 腾讯科技 and 腾讯 agree, 腾讯科技 and 腾讯传媒 may be sisters
        return "alike" if own in (left, right) else "near"
    shorter, longer = sorted((left, right), key=lambda name: (len(name), name))
    if len(shorter) >= _SHORT and longer.startswith(shorter):
        return "part of the other"
    if own in other or other in own:
        return "part of the other" if min(len(own), len(other)) > _SHORT else "near"
    a, b = _bigrams(left), _bigrams(right)
    if len(own) > _SHORT and 2 * len(a & b) / max(1, len(a) + len(b)) >= _ALIKE:
        return "near"
    return "abbreviation" if _picked(shorter, longer) else "different"


@lru_cache(maxsize=16_384)
def distinctive(name: str) -> str:
    """Without the words for lines of business at the end, but never less than two characters."""
    name = _SHARE_CLASS.sub("", name)
    found = True
    while found:
        found = False
        for word in _CHINESE_COMMON:
            if name.endswith(word) and len(name) - len(word) >= 2:
                name, found = name.removesuffix(word), True
    return name


def _picked(short: str, long: str) -> bool:
    """A short name made of characters of the long one, in order: 中石化 of 中国石油化工."""
    if not 2 <= len(short) <= 4 or short[0] != long[0] or len(long) < 2 * len(short) - 1:
        return False
    rest = iter(long)
    return all(char in rest for char in short)


@lru_cache(maxsize=16_384)
def _bigrams(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 2] for i in range(len(text) - 1)) or frozenset((text,))


def _across(left_sound: str, right_sound: str) -> str:
    a, b = left_sound.replace(" ", ""), right_sound.replace(" ", "")
    if a == b or (min(len(a), len(b)) >= 8 and OSA.distance(a, b, score_cutoff=1) <= 1):
        return "alike"
    return "part of the other" if min(len(a), len(b)) >= 6 and (a in b or b in a) else "different"


def _latin(left: str, right: str) -> str:
    joined = left.replace(" ", ""), right.replace(" ", "")
    if joined[0] == joined[1]:
        return "same"
    a, b = left.split(), right.split()
    if sorted(a) == sorted(b):
        return "same"
    if _initials(a) == joined[1] or _initials(b) == joined[0]:
        return "abbreviation"
    shorter, longer = sorted((set(a), set(b)), key=lambda words: (_size(words), sorted(words)))
    met = sum(_weight(word) for word in shorter if _meets(word, longer))
    share, covered = met / _size(shorter), met / _size(longer)
    if share >= _ALIKE and any(word not in COMMON_WORDS for word in shorter):
        return "alike" if covered >= 0.6 else "part of the other"
    if min(map(len, joined)) >= 8 and Indel.normalized_similarity(*joined, score_cutoff=_ALIKE) > 0:
        return "alike" if share >= _NEAR else "near"
    return "near" if share >= _NEAR and covered >= 0.3 else "different"


def _size(words: set[str]) -> float:
    return sum(map(_weight, words))


def _weight(word: str) -> float:
    """Long words tell more; what every second company is called tells little."""
    return len(word) * (_COMMON_WEIGHT if word in COMMON_WORDS else 1.0)


def _meets(word: str, others: set[str]) -> bool:
    if word in others:
        return True
    if len(word) < 3:
        return False
    return any(
        other.startswith(word) or (len(other) >= 4 and alikeness(word, other) >= _WORD) for other in others
    )


def _initials(words: list[str]) -> str:
    return "".join(word[0] for word in words) if len(words) > 2 else ""

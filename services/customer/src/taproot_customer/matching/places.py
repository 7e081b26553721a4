"""Postal addresses made comparable: words without their abbreviations, numbers apart."""

from __future__ import annotations

import re

from taproot_customer.matching.names import fold, has_chinese, word_list

_SHORT = {
    "street": "st", "str": "st", "strasse": "st", "avenue": "ave", "av": "ave", "road": "rd", "drive": "dr", "lane": "ln",
    "boulevard": "blvd", "place": "pl", "court": "ct", "crescent": "cres", "cr": "cres", "circuit": "cct",
    "terrace": "tce", "ter": "tce", "highway": "hwy", "parkway": "pkwy", "square": "sq", "close": "cl", "parade": "pde",
    "north": "n", "south": "s", "east": "e", "west": "w", "saint": "st", "mount": "mt", "apartment": "apt",
    "suite": "ste", "building": "bldg", "floor": "fl", "room": "rm", "unit": "apt", "number": "no",
}  # fmt: skip
_WEAK = frozenset(
    word_list(
        "st ave rd dr ln blvd pl ct cres cct tce hwy pkwy sq cl pde n s e w apt ste bldg fl rm no way the"
    )
)
_NUMBER = re.compile(r"\d+[a-z]?$")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)$")
_CHINESE_NUMBER = re.compile(r"\d+")
_CHINESE_WORD = re.compile(r".+?(?:路|街|大道|道|巷|弄|村|镇|区|县|市|省|大厦|广场|中心|园|$)")
_CHINESE_UNITS = re.compile(r"(?:号楼|单元|楼|室|层|栋|幢|座|号|弄(?=\d))")


def street_words(lines: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words and the numbers of an address, in order."""
    folded = fold(lines)
    if has_chinese(folded):
        return _chinese_street(folded.replace(" ", ""))
    words, numbers = [], []
    for word in folded.split():
        ordinal = _ORDINAL.match(word)
        if ordinal:
            words.append(ordinal.group(1) + "th")
        elif _NUMBER.match(word):
            numbers.append(word)
        else:
            words.append(_SHORT.get(word, word))
    return tuple(words), tuple(numbers)


def _chinese_street(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    numbers = _CHINESE_NUMBER.findall(text)
    bare = _CHINESE_UNITS.sub("", _CHINESE_NUMBER.sub("", text))
    return tuple(part for part in _CHINESE_WORD.findall(bare) if part), tuple(numbers)


def strong_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """Without kinds of streets and directions, which agree by chance; all of them when nothing else is left."""
    return tuple(word for word in words if word not in _WEAK) or words


def city_name(text: str) -> str:
    folded = fold(text)
    if has_chinese(folded):
        joined = folded.replace(" ", "")
        return joined[:-1] if len(joined) > 2 and joined[-1] in "市县区" else joined
    return folded


def postal_code(text: str) -> str:
    return fold(text).replace(" ", "")

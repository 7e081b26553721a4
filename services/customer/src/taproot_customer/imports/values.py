"""Cells read as values. Each reader raises ValueError with a reason a person understands."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

from taproot_customer.imports.cells import unguarded

_EMPTY = frozenset({"", "-", "--", "—", "n/a", "#n/a", "null", "none", "\\n", "无"})
_STATUS = {
    "potential": "potential|prospect|lead|new|subscriber|潜在|潜在客户|线索",
    "intent": "intent|interested|qualified|opportunity|marketing qualified lead|sales qualified lead|意向|意向客户|有意向",
    "won": "won|customer|client|active|成交|已成交|成交客户|正式客户|老客户",
    "partner": "partner|reseller|dealer|合作伙伴|伙伴|经销商|代理商",
    "competitor": "competitor|竞争对手|竞品",
}
_KIND = {
    "person": "person|individual|consumer|private|b2c|个人|个人客户|自然人",
    "organization": "organization|organisation|company|business|corporate|b2b|org|企业|公司|企业客户|单位|机构|集团",
}
_BY_STATUS = {word: status for status, words in _STATUS.items() for word in words.split("|")}
_BY_KIND = {word: kind for kind, words in _KIND.items() for word in words.split("|")}
_DATE = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T ].*)?$")
_SHORT_DATE = re.compile(r"^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?: .*)?$")
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
# Windows-1252 once read as Latin-1 leaves control characters where dashes and quotes were.
_MISREAD = {code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0)}
_TAG_SPLIT = re.compile(r"\s*(?:[;,，；、|]|:::)\s*")
_MONTHS = 12
_YES = frozenset({"true", "yes", "y", "1", "是", "x"})
_NO = frozenset({"false", "no", "n", "0", "否"})
_SEVERAL = re.compile(r"\s*(?:;\s+|\s:::\s|\n)\s*")


def clean(cell: str) -> str:
    """Trimmed, full-width made half-width, `-`, `n/a` and the like read as empty."""
    cell = unguarded(cell) if cell[:1] == "'" else cell
    text = cell.strip() if cell.isascii() else unicodedata.normalize("NFKC", cell.translate(_MISREAD)).strip()
    return "" if text.casefold() in _EMPTY else text


def read_date(text: str, *, day_first: bool) -> dt.date:
    found = _DATE.match(text) or _COMPACT.match(text)
    if found:
        return _date(*map(int, found.groups()))
    short = _SHORT_DATE.match(text)
    if short is None:
        raise ValueError("not a date")
    first, mark, second, year = int(short[1]), short[2], int(short[3]), int(short[4])
    days_lead = day_first or mark == "." or first > _MONTHS
    return _date(year, second, first) if days_lead else _date(year, first, second)


def _date(year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except ValueError as error:
        raise ValueError("no such day") from error


def read_yes(text: str) -> bool:
    folded = text.casefold()
    if folded not in _YES | _NO:
        raise ValueError("neither yes nor no")
    return folded in _YES


def several(text: str) -> list[str]:
    """`a@x.cn; b@x.cn`, `1 ::: 2` or one a line."""
    return [part for part in _SEVERAL.split(text) if part]


def read_status(text: str) -> str:
    try:
        return _BY_STATUS[text.casefold().replace("_", " ")]
    except KeyError as error:
        raise ValueError("unknown status; use potential, intent, won, partner or competitor") from error


def read_kind(text: str) -> str:
    try:
        return _BY_KIND[text.casefold()]
    except KeyError as error:
        raise ValueError("unknown kind; use person or organization") from error


def read_value_class(text: str) -> str:
    letter = text.upper().removesuffix("类").removesuffix("级").strip()
    if letter not in ("A", "B", "C"):
        raise ValueError("a value class is A, B or C")
    return letter


def read_tags(text: str) -> list[str]:
    tags = dict.fromkeys(tag for tag in _TAG_SPLIT.split(text) if tag)
    if any(len(tag) > 60 for tag in tags):
        raise ValueError("a tag has at most 60 characters")
    return list(tags)

"""Cells read as values. Each reader raises ValueError with a reason a person understands."""

from __future__ import annotations

import re
import unicodedata

from taproot_customer.imports.cells import unguarded

_EMPTY = frozenset(
    {
        "", "-", "--", "---", "—", "––", ".", "?", "n/a", "#n/a", "n.a.", "null", "(null)", "none", "(blank)", "<na>", "\\n",
        "select", "-- select --", "--select--", "- select -", "please select", "无", "请选择",
    }
)  # fmt: skip
_NOT_A_NUMBER = frozenset({"nan", "NaN"})
"""As data frames write what is missing; `Nan` is a name."""
_STATUS = {
    "potential": "potential|prospect|prospective|lead|new|new lead|subscriber|inactive|潜在|潜在客户|线索|新客户",
    "intent": "intent|interested|qualified|opportunity|hot|mql|sql|marketing qualified lead|sales qualified lead|意向|意向客户|有意向",
    "won": "won|customer|client|active|current|current customer|existing|evangelist|closed won|成交|已成交|成交客户|正式客户|老客户",
    "partner": "partner|reseller|dealer|合作伙伴|伙伴|经销商|代理商",
    "competitor": "competitor|竞争对手|竞品",
}
_KIND = {
    "person": "person|individual|consumer|private|b2c|private person|residential|contact|home office|个人|个人客户|自然人",
    "organization": "organization|organisation|company|business|corporate|b2b|org|account|commercial|enterprise|企业|公司|企业客户|单位|机构|集团",
}
NO_ANSWER = frozenset({"other", "others", "unknown", "undefined", "not set", "其他", "其它", "未知", "不详"})
"""Chosen from a list, and says nothing."""
_BY_STATUS = {word: status for status, words in _STATUS.items() for word in words.split("|")}
_BY_KIND = {word: kind for kind, words in _KIND.items() for word in words.split("|")}
# Windows-1252 once read as Latin-1 leaves control characters where dashes and quotes were.
_MISREAD = {code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0)}
_TAG_SPLIT = re.compile(r"\s*(?:[;,，；、|]|:::)\s*")
_YES = frozenset({"true", "yes", "y", "1", "是", "x"})
_NO = frozenset({"false", "no", "n", "0", "否"})
_SEVERAL = re.compile(r"\s*(?:;\s+|\s:::\s|\n)\s*")
_SEVERAL_MAILS = re.compile(r"\s*(?:[;,，；、|\n]|\s/\s|:::|\s+and\s+|\s+or\s+)\s*|(?<=\w)\s+(?=[^\s<]+@)")
_SEVERAL_PHONES = re.compile(
    r"\s*(?:[;；、|\n]|:::|\s+or\s+|(?<=\d{5})\s*[/,，]\s*(?=\+?\(?\d[\d ()-]{5}))\s*"
)
_IN_BRACKETS = re.compile(r"<\s*([^<>\s]+@[^<>\s]+)\s*>")
_WHOLE = re.compile(r"^(\d+)\.0+$")
_SHORTENED = re.compile(r"^\d(?:[.,]\d+)?E\+\d+$", re.IGNORECASE)
_NUMBER_SIGNS = re.compile(r"[\s$€£¥￥'’]")
_GROUPED = re.compile(r"^[+-]?\d{1,3}(?:([,.])\d{3})(?:\1\d{3})*$")


_FIGURES = re.compile(r"^'[\d ().-]+$")
"""Kept as text by a spreadsheet."""


def clean(cell: str) -> str:
    """Trimmed, full-width made half-width, `-`, `n/a` and the like read as empty."""
    if cell[:1] == "'":
        cell = cell[1:] if _FIGURES.match(cell) else unguarded(cell)
    text = cell.strip() if cell.isascii() else unicodedata.normalize("NFKC", cell.translate(_MISREAD)).strip()
    if text[:2] == '="' and text[-1] == '"':
        text = text[2:-1].strip()  # how zeros in front are kept from spreadsheets
    return "" if text.casefold() in _EMPTY or text in _NOT_A_NUMBER else text


def read_yes(text: str) -> bool:
    folded = text.casefold()
    if folded not in _YES | _NO:
        raise ValueError("neither yes nor no")
    return folded in _YES


def several(text: str, kind: str = "") -> list[str]:
    """`a@x.cn; b@x.cn`, `1 ::: 2`, one a line, `A <a@x.cn>, B <b@x.cn>`, `021-55550100 / 021-55550101`."""
    if kind == "email":
        found = _IN_BRACKETS.findall(text) if "<" in text else []
        return found or [part for part in _SEVERAL_MAILS.split(text) if part]
    return [part for part in (_SEVERAL_PHONES if kind == "phone" else _SEVERAL).split(text) if part]


def whole(text: str) -> str:
    """`17850.0` -> `17850`: a key or number of digits a spreadsheet or data frame took for a decimal."""
    found = _WHOLE.match(text)
    return found[1] if found else text


def shortened(text: str) -> bool:
    """`1.38E+10`: digits a spreadsheet has thrown away."""
    return _SHORTENED.match(text) is not None


def plain_number(text: str) -> str:
    """`$1,234.50` -> `1234.50`, `1.234,50` -> `1234.50`, `(12)` -> `-12`; what is no number stays as it is."""
    bare = _NUMBER_SIGNS.sub("", text)
    if bare[:1] == "(" and bare[-1:] == ")":
        bare = f"-{bare[1:-1]}"
    grouped = _GROUPED.match(bare)
    if grouped and (grouped[1] == "," or bare.count(".") > 1):
        bare = bare.replace(grouped[1], "")
    elif "," in bare and "." in bare:
        last = max(bare.rindex(","), bare.rindex("."))
        bare = f"{re.sub('[,.]', '', bare[:last])}.{bare[last + 1 :]}"
    elif bare.count(",") == 1:
        bare = bare.replace(",", ".")
    return bare if re.fullmatch(r"[+-]?\d+(\.\d+)?", bare) else text


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
    """`* myContacts` is a group that an address book keeps for itself."""
    tags = dict.fromkeys(
        tag for part in _TAG_SPLIT.split(text) if (tag := part.strip('"')) and tag[:2] != "* "
    )
    if any(len(tag) > 60 for tag in tags):
        raise ValueError("a tag has at most 60 characters")
    return list(tags)

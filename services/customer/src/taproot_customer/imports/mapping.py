"""Which field a column of a file most likely holds, from its name in English or Chinese and its first values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from taproot_customer.imports import values

_NAMES: dict[str, str] = {
    "display_name": (
        "name|full name|customer|customer name|client|client name|account|account name|company|company name|organisation|"
        "organization|organization name|business name|site name|display name|姓名|名称|客户|客户名称|客户名|客户姓名|公司|"
        "公司名称|公司全称|企业名称|单位名称|全称|会员姓名"
    ),
    "given_name": "first name|given name|firstname|forename|名|名字",
    "family_name": "last name|family name|surname|lastname|姓|姓氏",
    "kind": "kind|customer type|type of customer|客户类型|客户性质",
    "phone": (
        "phone|telephone|tel|phone number|contact phone|business phone|main phone|phone work|work phone|primary phone|company phone|company main phone|phone value|客户电话|公司电话|"
        "电话|联系电话|电话号码|固定电话|座机|办公电话"
    ),
    "phone.mobile": "mobile|mobile phone|mobile number|home mobile|phone mobile|cell|cell phone|cellphone|mobile phone number|手机|手机号|手机号码|移动电话",
    "phone.home": "home phone|phone home|phone private|家庭电话|住宅电话",
    "phone.fax": "fax|fax number|business fax|work fax|home fax|传真|传真号码",
    "phone.other": "other phone|phone other|备用电话",
    "email": (
        "email|e mail|mail|email address|e mail address|email work|customer email|work email|business email|primary email|secondary email|e mail value|contact email|"
        "邮箱|电子邮箱|电子邮件|邮件|邮箱地址"
    ),
    "email.home": "email home|home email|personal email|个人邮箱",
    "email.other": "email other|other email|备用邮箱",
    "tax_number": (
        "tax number|tax id|vat|vat number|vat id|registration number|uscc|税号|纳税人识别号|统一社会信用代码|信用代码|组织机构代码"
    ),
    "external": (
        "id|customer id|client id|account id|contact id|external id|customer number|customer no|account number|prospect id|"
        "编号|客户编号|客户号|客户代码|客户编码|会员号|会员编号|a股代码"
    ),
    "birth_date": "birthday|birth date|date of birth|born|dob|birthdate|生日|出生日期|出生年月",
    "address.lines": (
        "address|street|street address|address 1|mailing street|billing street|business street|shipping street|address line 1|"
        "home street|home address|other street|地址|详细地址|联系地址|通讯地址|注册地址|办公地址|住址|街道"
    ),
    "address.city": "city|town|suburb|mailing city|billing city|business city|work city|home city|location city|城市|市|所在城市",
    "address.region": "state|province|county|state region|mailing state|billing state|home state|work state|business state|state province|省|省份|省市|所在省份",
    "address.postal_code": "zip|zip code|postal code|postcode|mailing zip|billing zip|mailing postal code|billing postal code|home zip|work zip|home zip code|work zip code|邮编|邮政编码",
    "address.country": "country|country region|home country|work country|mailing country|billing country|nation|国家|国籍",
    "status": "status|customer status|lifecycle stage|客户状态|状态",
    "value_class": "class|value class|customer class|abc|grade|等级|客户等级|价值等级|客户级别|级别",
    "industry": "industry|sector|line of business|行业|所属行业|行业类别",
    "region": "region|sales region|territory|地区|区域|大区|销售区域",
    "source": "source|lead source|customer source|channel|origin|来源|客户来源|渠道|线索来源",
    "tags": "tags|labels|categories|group membership|groups|标签|分组",
    "language_code": "language|preferred language|语言",
    "time_zone": "time zone|timezone|时区",
    "key_account": "key account|大客户|重点客户",
    "taproot_id": "taproot id",
    "note": "note|notes|remark|remarks|comment|comments|description|background|备注|说明|描述",
}
_BY_NAME = {alias: field for field, aliases in _NAMES.items() for alias in aliases.split("|")}
_SINGLE = frozenset(
    name
    for name in _NAMES
    if name.partition(".")[0] not in ("phone", "email", "note") and name != "address.lines"
)
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_MOBILE = re.compile(r"^(\+?86[- ]?)?1[3-9]\d{9}$")
_CUSTOM_KEY = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
_EMPLOYER = re.compile(r"company|organi[sz]ation|business|account|公司|企业|单位")
_PICKED: dict[str, Callable[[str], object]] = {
    "status": values.read_status,
    "kind": values.read_kind,
    "value_class": values.read_value_class,
}
_MOST = 0.8
_MOST_ADDRESSES = 5
FIELDS = frozenset(_NAMES)


@dataclass(frozen=True)
class Column:
    index: int
    header: str
    samples: tuple[str, ...]
    suggested: str


def plain_header(header: str) -> str:
    """`E-mail 1 - Value` -> `e mail 1 value`; blanks between Chinese characters go (`省    份`)."""
    text = unicodedata.normalize("NFKC", header)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).casefold()
    text = re.sub(r"[（(【\[].*?[)）】\]]", " ", text) or text
    text = " ".join(re.findall(r"[^\W_]+", text))
    return re.sub(r"(?<=[一-鿿]) (?=[一-鿿])", "", text)


_GLUED = {alias.replace(" ", ""): field for alias, field in _BY_NAME.items() if " " in alias}
_PLACES = re.compile(r"\b(home|work|business|company|billing|shipping|mailing|other|\d+)\b")


def suggest(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    """One column each; a field that can be written once is suggested once, for the first column that fits."""
    taken: set[str] = set()
    places: dict[str, int] = {}
    columns = []
    for index, header in enumerate(headers):
        samples = tuple(row[index].strip() for row in rows if index < len(row) and row[index].strip())
        field = _address_of(header, _field_of(header, samples), places)
        if field in taken and field in _SINGLE:
            field = ""
        taken.add(field)
        columns.append(Column(index, header.strip(), samples[:3], field))
    if not taken & {"display_name", "given_name", "family_name"} and not any(headers):
        columns = _with_a_name(columns)
    return [_without_employer(column, taken) for column in columns]


def _address_of(header: str, field: str, places: dict[str, int]) -> str:
    """`address.city` of the first kind of address in the file, `address.2.city` of the second."""
    if not field.startswith("address.") or header.strip() == field:
        return field
    kind = "".join(_PLACES.findall(plain_header(header))).replace("business", "work")
    number = places.setdefault(kind, len(places) + 1)
    if number > _MOST_ADDRESSES:
        return ""
    return field if number == 1 else f"address.{number}.{field.partition('.')[2]}"


def _with_a_name(columns: Sequence[Column]) -> list[Column]:
    """Without headers the first column of different words is what the records are called."""
    named = next((c for c in columns if not c.suggested and c.samples and all(map(_worded, c.samples))), None)
    return [replace(c, suggested="display_name") if c is named else c for c in columns]


def _worded(sample: str) -> bool:
    return sum(char.isalpha() for char in sample) > len(sample) / 2 and "@" not in sample


def _without_employer(column: Column, taken: set[str]) -> Column:
    """Beside a person's own name, the name of a company is where they work, not what they are called."""
    employer = column.suggested == "display_name" and _EMPLOYER.search(plain_header(column.header))
    if employer and taken & {"given_name", "family_name"}:
        return Column(column.index, column.header, column.samples, "")
    return column


def _field_of(header: str, samples: Sequence[str]) -> str:
    if "." in header and known_field(header.strip()):
        return header.strip()  # a file of our own
    plain = plain_header(header)
    field = _BY_NAME.get(plain, "") or _GLUED.get(plain, "") or _one_of_several(plain) or _literal(header)
    if field in ("email", "") and _share(_EMAIL, samples) >= _MOST:
        return "email" if field == "email" or not plain or "mail" in plain or "邮" in plain else ""
    if not plain and _share(_MOBILE, samples) >= _MOST:
        return "phone.mobile"
    if field in _PICKED and not _mostly_readable(_PICKED[field], samples):
        return ""
    return field


def _literal(header: str) -> str:
    return header.strip() if known_field(header.strip()) else ""


def _one_of_several(plain: str) -> str:
    """`phone 2 value`, `business phone 2`, `电话2`: one more of what a customer has several of."""
    name = " ".join(re.sub(r"\d+", " ", plain.removesuffix(" value")).split())
    placeless = " ".join(_PLACES.sub(" ", name).split())
    field = (
        _BY_NAME.get(name, "") or _BY_NAME.get(placeless, "") if name != plain or placeless != plain else ""
    )
    return field if field.partition(".")[0] in ("phone", "email", "address") else ""


def _mostly_readable(read: Callable[[str], object], samples: Sequence[str]) -> bool:
    def readable(sample: str) -> bool:
        try:
            read(values.clean(sample))
        except ValueError:
            return False
        return True

    return not samples or sum(map(readable, samples)) / len(samples) >= _MOST


def _share(pattern: re.Pattern[str], samples: Sequence[str]) -> float:
    return sum(1 for sample in samples if pattern.match(sample)) / len(samples) if samples else 0.0


def known_field(field: str) -> bool:
    """A field path that rows can be written to: one of FIELDS, a labelled phone or e-mail, `external.<system>`, `custom.<key>`."""
    head, dot, rest = field.partition(".")
    if not dot or field in FIELDS:
        return field in FIELDS
    if head == "address":
        number, _, part = rest.partition(".")
        return number in "2345" and len(number) == 1 and f"address.{part}" in FIELDS
    if head == "custom":
        return _CUSTOM_KEY.match(rest) is not None
    return head in ("phone", "email", "external") and 0 < len(rest) <= 40


def mapping_problems(fields: Sequence[str]) -> list[tuple[int, str]]:
    """Index of the column and what is wrong with its field; index -1 for the mapping as a whole."""
    problems = [(i, "unknown field") for i, field in enumerate(fields) if field and not known_field(field)]
    seen: set[str] = set()
    for i, field in enumerate(fields):
        if field in seen and field in _SINGLE:
            problems.append((i, "another column is mapped to this field"))
        seen.add(field)
    named = seen & {"display_name", "given_name", "family_name"}
    if not named and not any(
        field.partition(".")[0] in ("phone", "email", "tax_number", "external") for field in seen
    ):
        problems.append((-1, "map a column to a name or an identifier"))
    return problems

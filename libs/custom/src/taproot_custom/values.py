"""A value against its definition: its stored form, or a ValueError that says what is expected.

Stored forms are canonical, so that equal values are equal texts: `12.50` for two decimals, UTC with `Z`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from taproot_custom import patterns
from taproot_custom.specs import TEXTS, Spec

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,30})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9-]{10}T[0-9:]{8}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII | re.IGNORECASE
)
_CURRENCY = re.compile(r"[A-Z]{3}")
_URL = re.compile(r"https?://[^\s/?#]+[^\s]*")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{1,38}[0-9]")
_INT64 = 2**63
_YES, _NO = frozenset({"true", "yes", "y", "1", "是"}), frozenset({"false", "no", "n", "0", "否"})


def stored_value(spec: Spec, value: Any) -> Any:
    """The stored form of what JSON gave. Raises ValueError."""
    return _PARSERS[spec.type](spec, value)


def from_text(spec: Spec, text: str) -> Any:
    """The stored form of what stands in a cell or a default: labels, yes and no, several keys with commas."""
    text = text.strip()
    if spec.type == "boolean":
        if text.casefold() not in _YES | _NO:
            raise ValueError("expected true or false")
        return text.casefold() in _YES
    if spec.type == "enum":
        return stored_value(spec, _option(spec, text))
    if spec.type == "multi_enum":
        return stored_value(
            spec, [_option(spec, part.strip()) for part in re.split("[,;|，；]", text) if part.strip()]
        )
    if spec.type == "money":
        amount, _, currency = text.partition(" ")
        return stored_value(spec, {"amount": amount, "currency_code": currency.strip()})
    return stored_value(spec, text)


def text_value(spec: Spec, stored: Any) -> str:
    """One text for what is stored, the same for equal values; what unique fields are compared by."""
    return str(stored).casefold() if spec.type == "email" else str(stored)


def _option(spec: Spec, text: str) -> str:
    """The key of an option named by key or by label."""
    wanted = text.casefold()
    for option in spec.options:
        if wanted in {option.key, *(label.casefold() for label in option.labels.values())}:
            return option.key
    return text


def _text(spec: Spec, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text")  # noqa: TRY004  # one kind of failure for bad input
    text = value.strip()
    if not text:
        raise ValueError("is empty; give null to take the value away")
    if spec.type != "long_text" and ("\n" in text or "\r" in text):
        raise ValueError("expected one line")
    _check_length(spec, len(text), "characters")
    form = _FORMS.get(spec.type)
    if form is not None and not form[0].fullmatch(text):
        raise ValueError(f"expected {form[1]}")
    if spec.pattern and spec.type in TEXTS and not patterns.compiled(spec.pattern).fullmatch(text):
        raise ValueError(f"does not match {spec.pattern}")
    return text


_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "url": (_URL, "an address such as https://example.com"),
    "email": (_EMAIL, "an e-mail address"),
    "phone": (_PHONE, "a telephone number"),
}


def _check_length(spec: Spec, length: int, what: str) -> None:
    if length > spec.limit:
        raise ValueError(f"has more than {spec.limit} {what}")
    if length < spec.min_length:
        raise ValueError(f"has fewer than {spec.min_length} {what}")


def _number(value: Any, scale: int) -> Decimal:
    """JSON numbers are taken too where they lose nothing."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    text = format(Decimal(repr(value)), "f") if plain else value
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError('expected a number of at most 20 digits as text, such as "12.50"')
    number = Decimal(text)
    rounded = round(number, scale)
    if rounded != number:
        raise ValueError(f"has more than {scale} decimals")
    return rounded or abs(rounded)


def _integer(spec: Spec, value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        number = int(_number(value, 0))
    except ValueError:
        raise ValueError('expected a whole number as text, such as "12"') from None
    if not -_INT64 <= number < _INT64:
        raise ValueError("does not fit into 64 bits")
    _check_range(spec, number, int)
    return str(number)


def _decimal(spec: Spec, value: Any) -> str:
    number = _number(value, spec.scale)
    _check_range(spec, number, Decimal)
    return format(number, "f")


def _money(spec: Spec, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or set(value) != {"amount", "currency_code"}:
        raise ValueError('expected {"currency_code": "CNY", "amount": "12.50"}')
    if not isinstance(value["currency_code"], str) or not _CURRENCY.fullmatch(value["currency_code"]):
        raise ValueError("expected a currency of three letters such as CNY")
    return {"currency_code": value["currency_code"], "amount": _decimal(spec, value["amount"])}


def _boolean(_spec: Spec, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")  # noqa: TRY004  # as above
    return value


def _date(spec: Spec, value: Any) -> str:
    try:
        day = date.fromisoformat(value if isinstance(value, str) and _DATE.fullmatch(value) else "")
    except ValueError:
        raise ValueError("expected a day such as 2026-02-28") from None
    _check_range(spec, day, date.fromisoformat)
    return day.isoformat()


def _instant(spec: Spec, value: Any) -> str:
    try:
        text = value.upper() if isinstance(value, str) and _INSTANT.fullmatch(value) else ""
        instant = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("expected an instant such as 2026-02-28T08:30:00Z") from None
    _check_range(spec, instant, datetime.fromisoformat)
    return instant.isoformat().replace("+00:00", "Z")


def _check_range(spec: Spec, value: Any, read: Callable[[str], Any]) -> None:
    if spec.minimum and value < read(spec.minimum):
        raise ValueError(f"is less than {spec.minimum}")
    if spec.maximum and value > read(spec.maximum):
        raise ValueError(f"is more than {spec.maximum}")


def _enum(spec: Spec, value: Any) -> str:
    keys = [option.key for option in spec.options]
    if value not in keys:
        raise ValueError("expected one of " + ", ".join(keys))
    return str(value)


def _multi_enum(spec: Spec, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError("expected a list of keys")  # noqa: TRY004  # as above
    if not value:
        raise ValueError("is empty; give null to take the value away")
    chosen = [_enum(spec, one) for one in value]
    if len(set(chosen)) != len(chosen):
        raise ValueError("names a key twice")
    _check_length(spec, len(chosen), "keys")
    return chosen


def _reference(spec: Spec, value: Any) -> str:
    try:
        return str(uuid.UUID(value if isinstance(value, str) and len(value) == 36 else ""))
    except ValueError:
        raise ValueError(f"expected the id of a {spec.reference_type}") from None


_PARSERS: Mapping[str, Callable[[Spec, Any], Any]] = {
    **dict.fromkeys(TEXTS, _text),
    "integer": _integer,
    "decimal": _decimal,
    "money": _money,
    "boolean": _boolean,
    "date": _date,
    "instant": _instant,
    "enum": _enum,
    "multi_enum": _multi_enum,
    "reference": _reference,
}

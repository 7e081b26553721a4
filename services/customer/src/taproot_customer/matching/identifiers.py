"""Normal forms of what customers are known by. Two identifiers are the same when their normal forms are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import phonenumbers

DEFAULT_REGION = "CN"
_EMAIL = re.compile(r"^[^@\s\"(),:;<>\[\\\]]{1,64}@(?=.{3,255}$)[^@\s.]+(\.[^@\s.]+)+$")
_EXTENSION = re.compile(r"\s*(?:转|分机|ext\.?|extension|x)\s*\.?\s*:?\s*(\d{1,6})\s*$", re.IGNORECASE)
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


class InvalidIdentifier(ValueError):
    """A value that cannot be what it is said to be; the message says why."""


def normal_phone(text: str, region: str = DEFAULT_REGION) -> str:
    """E.164, with `;ext=` when an extension is written. `region` is taken when no country code is."""
    clean = unicodedata.normalize("NFKC", text).strip()
    extension = _EXTENSION.search(clean)
    number = _parse_phone(clean[: extension.start()] if extension else clean, region or DEFAULT_REGION)
    suffix = extension.group(1) if extension else number.extension
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{e164};ext={suffix}" if suffix else e164


@lru_cache(maxsize=16_384)
def _parse_phone(text: str, region: str) -> phonenumbers.PhoneNumber:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise InvalidIdentifier("not a telephone number") from error
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        raise InvalidIdentifier("the telephone number lacks its area code")
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise InvalidIdentifier("a telephone number of that region has another length")
    return number


def base_phone(normal: str) -> str:
    """The line without its extension: whoever calls from it."""
    return normal.partition(";")[0]


def normal_email(text: str) -> str:
    """Lower case, domain in ASCII. The local part is folded too: no provider in use tells case apart."""
    clean = unicodedata.normalize("NFKC", text).strip().strip("<>").casefold().removeprefix("mailto:")
    if not _EMAIL.match(clean):
        raise InvalidIdentifier("not an e-mail address")
    local, _, domain = clean.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError as error:
        raise InvalidIdentifier("not an e-mail address") from error


def normal_tax_number(text: str) -> str:
    """Capitals and digits. A mainland credit code (18 characters, GB 32100-2015) must have a right check digit."""
    clean = re.sub(r"[^0-9A-Z]", "", unicodedata.normalize("NFKC", text).upper())
    if len(clean) < 4:
        raise InvalidIdentifier("a tax number has at least 4 letters or digits")
    if _looks_like_credit_code(clean) and not credit_code_holds(clean):
        raise InvalidIdentifier("the check digit of the credit code is wrong")
    return clean


def _looks_like_credit_code(clean: str) -> bool:
    # the first character is the registering authority; 9 (market regulation) is what companies have
    return len(clean) == 18 and clean[0] == "9" and clean[2:8].isdigit()


def credit_code_holds(code: str) -> bool:
    """Check digit of a unified social credit code (GB 32100-2015, section 4.6)."""
    try:
        total = sum(
            _CREDIT_ALPHABET.index(char) * weight for char, weight in zip(code, _CREDIT_WEIGHTS, strict=False)
        )
    except ValueError:
        return False
    return _CREDIT_ALPHABET[(31 - total % 31) % 31] == code[17]


def normal_external(text: str) -> str:
    """`<system>:<key>`: the system's name without case, the key as it is."""
    system, colon, key = unicodedata.normalize("NFKC", text).strip().partition(":")
    if not (colon and system.strip() and key.strip()):
        raise InvalidIdentifier("a key of another system is written <system>:<key>")
    return f"{system.strip().casefold()}:{key.strip()}"


_NORMAL: dict[str, Callable[[str], str]] = {
    "email": normal_email,
    "tax_number": normal_tax_number,
    "external": normal_external,
}


def normal_form(kind: str, value: str, region: str = DEFAULT_REGION) -> str:
    """Normal form by kind: phone, email, tax_number or external. Raises InvalidIdentifier."""
    kind = kind.lower()
    if kind == "phone":
        return normal_phone(value, region)
    if kind not in _NORMAL:
        raise InvalidIdentifier("the kind of the identifier is missing")
    return _NORMAL[kind](value)

"""Telephone numbers as customers are known by them. Pure."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers


@lru_cache(maxsize=20_000)
def normal_phone(raw: str, region: str) -> str:
    """E.164 where the number can be read in the region, else its digits. `region` is ISO 3166 such as `CN`."""
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return _digits(raw)
    if not phonenumbers.is_possible_number(number):
        return _digits(raw)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _digits(raw: str) -> str:
    return "".join(character for character in raw if character.isdigit())

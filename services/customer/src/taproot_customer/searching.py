"""How what has a name is found and ordered by it."""

from __future__ import annotations

from typing import Any

from taproot_base.context import current_call_or_none
from taproot_customer.search.keys import BEGINNING, MAX_BEGINNING, pairs, phone_digits, runs, squeezed
from taproot_listing.fields import Field, FieldType

_CLASS = "personal"
_NUMBER = 6
"""As many digits make a word part of an identifier and not of a name."""


def name_field(name: str, columns: Any) -> Field:
    """The display name, ordered as it is spoken."""
    column, key = columns.display_name, columns.sort_key
    return Field(name, column, FieldType.TEXT, sensitive_class=_CLASS, sort_column=key)


def search_terms(text: str) -> list[str]:
    """What all must be there: words of names as far as typed, and identifiers unless they are hidden."""
    call = current_call_or_none()
    hidden = call is not None and "contact" in call.masked
    words = text.split()
    keys = [] if hidden else [word for word in words if _is_identifier(word)]
    names = {
        pair for run in runs(" ".join(word for word in words if word not in keys)) for pair in pairs(run)
    }
    return [*sorted(names), *(BEGINNING + _typed(word)[:MAX_BEGINNING] for word in keys)]


def _is_identifier(word: str) -> bool:
    return "@" in word or sum(map(str.isdigit, word)) >= _NUMBER


def _typed(word: str) -> str:
    """Telephone numbers are kept without the country's code."""
    plain = squeezed(word)
    return phone_digits(word)[1] or plain if plain.strip("+").replace("-", "").isdigit() else plain


def named_fields(columns: Any) -> tuple[Field, Field]:
    tokens = columns.search_tokens
    search = Field(
        "search", tokens, FieldType.TEXT, repeated=True, sensitive_class=_CLASS, terms=search_terms
    )
    return name_field("display_name", columns), search

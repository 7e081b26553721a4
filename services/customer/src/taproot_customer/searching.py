"""How what has a name is found and ordered by it."""

from __future__ import annotations

from typing import Any

from taproot_base.text import query_tokens
from taproot_listing.fields import Field, FieldType

_CLASS = "personal"


def name_field(name: str, columns: Any) -> Field:
    """The display name, ordered as it is spoken."""
    column, key = columns.display_name, columns.sort_key
    return Field(name, column, FieldType.TEXT, sensitive_class=_CLASS, sort_column=key)


def named_fields(columns: Any) -> tuple[Field, Field]:
    tokens = columns.search_tokens
    search = Field(
        "search", tokens, FieldType.TEXT, repeated=True, sensitive_class=_CLASS, terms=query_tokens
    )
    return name_field("display_name", columns), search

"""What mapped classes share: `class Base(ModelBase, DeclarativeBase)` in each service, with its own MetaData."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import Any, ClassVar

from sqlalchemy import DateTime, MetaData, Text, Uuid, inspect
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.context import current_call_or_none
from taproot_base.errors import InvalidArgument
from taproot_storage.schema import NAMING


class ModelBase:
    """Plain column defaults are there from the start, not only after the flush: verbs rely on them."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        uuid.UUID: Uuid,
        datetime: DateTime(timezone=True),
        str: Text,
        list[str]: ARRAY(Text),
        list[uuid.UUID]: ARRAY(Uuid),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
    }

    def __init__(self, **values: Any) -> None:
        kind: Any = type(self)
        for name, make in _defaults(kind):
            if name not in values:
                setattr(self, name, make())
        for name, value in values.items():
            setattr(self, name, value)
        if hasattr(kind, "aggregate_type") and hasattr(kind, "custom"):
            self.custom = _completed(self)

    def set_all(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)


def custom_type(entity: Any) -> str:
    """By which type its fields of the enterprise's own are defined: `custom_type` where one class has several."""
    return str(getattr(entity, "custom_type", entity.aggregate_type))


def custom_tokens(entity: Any) -> list[str]:
    """What a text search is to find in the fields of the enterprise's own."""
    call = current_call_or_none()
    rules = None if call is None else call.directory.custom
    return [] if rules is None else rules.tokens(custom_type(entity), entity.custom)


def _completed(entity: Any) -> dict[str, Any]:
    """What a new record has of its own: with defaults, and refused where something required is missing."""
    given: dict[str, Any] = entity.custom
    call = current_call_or_none()
    if call is None or call.directory.custom is None:
        return given
    resource = custom_type(entity)
    if wrong := call.directory.custom.missing(resource, given, f"{resource}.custom"):
        raise InvalidArgument(wrong)
    return call.directory.custom.completed(resource, given)


@cache
def _defaults(mapped: type) -> tuple[tuple[str, Callable[[], Any]], ...]:
    """Attributes of a mapped class with what makes their default."""
    mapper: Any = inspect(mapped)
    found: list[tuple[str, Callable[[], Any]]] = []
    for attribute in mapper.column_attrs:
        default = getattr(attribute.columns[0], "default", None)
        if default is not None and default.is_callable:
            found.append((attribute.key, partial(default.arg, None)))
        elif default is not None and default.is_scalar:
            found.append((attribute.key, partial(_itself, default.arg)))
    return tuple(found)


def _itself(value: Any) -> Any:
    return value


class Owned:
    """Whose a record is. `branch_path` follows from `branch_id`; empty: of no branch, but of the enterprise."""

    owner_id: Mapped[uuid.UUID | None]
    branch_id: Mapped[uuid.UUID | None]
    branch_path: Mapped[str] = mapped_column(default="")


class TeamOwned(Owned):
    """Of a team too."""

    team_id: Mapped[uuid.UUID | None]


class Customizable:
    """Fields of the enterprise's own."""

    custom: Mapped[dict[str, Any]] = mapped_column(default=dict)


def new_metadata() -> MetaData:
    return MetaData(naming_convention=NAMING)

"""What mapped classes share: `class Base(ModelBase, DeclarativeBase)` in each service, with its own MetaData."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from sqlalchemy import MetaData, inspect

from taproot_chassis.schema import NAMING


class ModelBase:
    """Plain column defaults are there from the start, not only after the flush: verbs rely on them."""

    def __init__(self, **values: Any) -> None:
        for name, make in _defaults(type(self)):
            if name not in values:
                setattr(self, name, make())
        for name, value in values.items():
            setattr(self, name, value)

    def set_all(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)


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


def new_metadata() -> MetaData:
    return MetaData(naming_convention=NAMING)

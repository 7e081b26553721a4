"""A recipe for one file, made from its headers and values. It can be saved, mended and run like any other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from taproot_customer.imports.dates import MONTH_FIRST, order_of
from taproot_customer.imports.headers import plain_header
from taproot_local.errors import LocalError
from taproot_local.imports.objects import CUSTOMER_NAMES, OBJECTS, OWNER_NAMES, PRODUCT_NAMES, Field, Object
from taproot_local.imports.tables import KEY, Table

_SIGNS = re.compile(r"\W+")
_SHARED = frozenset({"close_time", "display_name"})


@dataclass(frozen=True)
class Wishes:
    """What the user says about the file. `fields`: header -> field, empty to leave it out. `spelt`: (field, value) -> value."""

    system: str
    currency: str = "CNY"
    phone_region: str = "CN"
    fields: Mapping[str, str] = field(default_factory=dict)
    spelt: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass
class Suggestion:
    """`step`: as in a recipe. `columns`: header -> where it goes. `unknown`: (header, field) -> values without a meaning."""

    step: dict[str, Any]
    columns: dict[str, str]
    unknown: dict[tuple[str, str], list[str]] = field(default_factory=dict)


def suggest(name: str, file: str, table: Table, wishes: Wishes) -> Suggestion:
    """Raises LocalError for wishes that fit neither the file nor the object, and where something required has no column."""
    return _Suggesting(name, OBJECTS[name], table, wishes).made(file)


class _Suggesting:
    def __init__(self, name: str, target: Object, table: Table, wishes: Wishes) -> None:
        self._name, self._object, self._table, self._wishes = name, target, table, wishes
        self._plain = {header: plain_header(header) for header in table.headers}
        self._columns: dict[str, str] = {}
        self._unknown: dict[tuple[str, str], list[str]] = {}
        self._wanted = {path: header for header, path in wishes.fields.items() if path}
        self._check_wishes()

    def made(self, file: str) -> Suggestion:
        key = self._column("key", self._object.keys)
        fields: dict[str, Any] = dict(self._object.constants)
        if self._object.key_field == "external_id":
            fields["external_id"] = {"template": f"{self._wishes.system}:{{{key or KEY}}}"}
        elif self._object.key_field:
            fields[self._object.key_field] = {"template": f"{{{key}}}" if key else None, "required": True}
        for one in self._object.fields:
            self._put(fields, one)
        self._refer(fields)
        self._close(fields)
        self._check_required(fields)
        step = {
            "name": self._name,
            "file": file,
            "into": self._object.into,
            "key": f"{{{key or KEY}}}",
            "existing": self._object.existing(self._wishes.system),
            "any_format": True,
            "fields": fields,
        }
        return Suggestion(step, self._columns, self._unknown)

    def _close(self, fields: dict[str, Any]) -> None:
        """A deal that is open has no time of closing, only the one that is expected."""
        if "close_time" not in fields or self._object.into != "opportunities":
            return
        spelt = fields["stage"]["map"] if "stage" in fields else {}
        ended = [written for written, meant in spelt.items() if meant in ("won", "lost")]
        if ended:
            fields["close_time"]["only"] = {"column": fields["stage"]["column"], "values": ended}
        else:
            del fields["close_time"]

    def _check_wishes(self) -> None:
        paths = {one.path for one in self._object.fields} | {"key", "customer", "owner"}
        for header, path in self._wishes.fields.items():
            if header not in self._plain:
                raise LocalError(
                    f"There is no column {header!r}; there are {', '.join(self._table.headers)}."
                )
            head = path.partition(".")[0]
            if path and path not in paths and head not in ("customer", "custom"):
                raise LocalError(
                    f"{self._name} have no field {path!r}; there are {', '.join(sorted(paths))}, custom.<key>."
                )

    def _column(
        self,
        path: str,
        names: str,
        *,
        shared: bool = False,
        fits: Callable[[str], bool] = lambda _header: True,
    ) -> str:
        """The user's column for the field, else the first that is called by one of its names and has values that fit."""
        if path in self._wanted:
            self._columns[self._wanted[path]] = path
            return self._wanted[path]
        for name in names.split("|"):
            for header, plain in self._plain.items():
                free = shared or header not in self._columns
                if (
                    plain != name
                    or not free
                    or header in self._wishes.fields
                    or not self._table.values(header)
                ):
                    continue
                if fits(header):
                    self._columns.setdefault(header, path)
                    return header
        return ""

    def _put(self, fields: dict[str, Any], one: Field) -> None:
        header = self._column(
            one.path, one.names, shared=one.path in _SHARED, fits=lambda header: self._means(one, header)
        )
        if not header and one.default:
            fields[one.path] = one.default
        if not header and one.required and (other := self._otherwise()):
            fields[one.path] = {"template": other, "required": True}
        if not header:
            return
        head, _, kind = one.path.partition(".")
        if head == "identifiers":
            fields.setdefault(head, []).append({"kind": kind, "value": self._leaf(one, header)})
        else:
            fields[one.path] = self._leaf(one, header)

    def _leaf(self, one: Field, header: str) -> dict[str, Any]:
        leaf: dict[str, Any] = {"column": header}
        if one.required:
            leaf |= {"required": True, "otherwise": self._otherwise()}
        if one.type == "money":
            leaf |= {"type": "money", "currency": self._wishes.currency, "written": True}
        elif one.type in ("date", "timestamp"):
            leaf |= {"type": one.type, "order": order_of(self._table.values(header)) or MONTH_FIRST}
        elif one.type == "boolean":
            leaf["type"] = "boolean"
        elif one.type == "phone":
            leaf |= {"type": "phone", "country": "", "countries": {}, "region": self._wishes.phone_region}
        elif one.type == "choice":
            leaf |= {"map": self._choices(one, header), "strict": True}
            if one.default:
                leaf["default"] = one.default
        return leaf

    def _otherwise(self) -> str:
        """What a record is called that has no name: its customer and product, or its kind, or else its key."""
        names = [
            next((header for header, plain in self._plain.items() if plain in names.split("|")), "")
            for names in (CUSTOMER_NAMES["name"], PRODUCT_NAMES)
        ]
        found = [header for header in names if header] or [
            header for header, path in self._columns.items() if path in ("kind", "key")
        ][:1]
        return " ".join(f"{{{header}}}" for header in found)

    def _means(self, one: Field, header: str) -> bool:
        """Whether a column of choices has them: the `State` of a ticket is not that of an address."""
        values = set(self._table.values(header))
        known = self._known(one)
        return not one.choices or 2 * sum(_spelling(value) in known for value in values) >= len(values)

    def _known(self, one: Field) -> dict[str, str]:
        return {
            word: value for value, words in one.choices.items() for word in (value.lower(), *words.split("|"))
        }

    def _choices(self, one: Field, header: str) -> dict[str, str]:
        """The file's spellings of the values of the API."""
        known = self._known(one)
        found: dict[str, str] = {}
        for spelt in dict.fromkeys(self._table.values(header)):
            meant = self._wishes.spelt.get((one.path, spelt)) or known.get(_spelling(spelt))
            if meant is None:
                self._unknown.setdefault((header, one.path), []).append(spelt)
            else:
                found[spelt] = next((value for value in one.choices if value.endswith(meant)), meant)
        return found

    def _refer(self, fields: dict[str, Any]) -> None:
        if self._object.customer:
            keys = list(self._customer_keys())
            if keys:
                leaf = {"record": "customers", "keys": keys, "required": self._object.customer == "required"}
                fields["customer_id"] = leaf
                if self._object.contact:
                    fields["contact_id"] = {**leaf, "required": False, "other": "contact_id"}
        owner = self._column("owner", OWNER_NAMES) if self._object.owner else ""
        if owner:
            fields["owner_id"] = {"record": "users", "keys": [{"column": owner, "by": "name"}]}
        custom = {
            path[7:]: {"column": header}
            for path, header in self._wanted.items()
            if path.startswith("custom.")
        }
        self._columns |= {header: path for path, header in self._wanted.items() if path.startswith("custom.")}
        if custom:
            fields["custom"] = custom

    def _customer_keys(self) -> Iterator[dict[str, str]]:
        for by, names in CUSTOMER_NAMES.items():
            path = f"customer.{by}"
            header = self._column(path, names, shared=self._name != "contacts" or by != "email")
            if header:
                yield {"column": header, "by": by}

    def _check_required(self, fields: Mapping[str, Any]) -> None:
        missing = [one.path for one in self._object.fields if one.required and one.path not in fields]
        if self._object.customer == "required" and "customer_id" not in fields:
            missing.append("customer.<external, domain, email or name>")
        if missing:
            raise LocalError(
                f"No column is plainly the {' or the '.join(missing)} of {self._name}. Say which, as in "
                f'--map "{self._table.headers[0]}={missing[0]}".'
            )


def _spelling(text: str) -> str:
    return " ".join(_SIGNS.split(text.lower())).strip()

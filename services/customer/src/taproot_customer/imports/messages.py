"""Imports between protobuf and columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from taproot.customer.events.v1.import_event_pb2 import ImportEvent
from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1.customer_pb2 import CustomerKind
from taproot.customer.v1.import_change_pb2 import ImportChange, ImportUndoResult
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_custom.catalogue import specs_of
from taproot_customer.imports.encoding import SUPPORTED
from taproot_customer.imports.headers import plain_header
from taproot_customer.imports.mapping import Column, known_field, says_organization
from taproot_customer.imports.model import COUNTS, Import
from taproot_customer.imports.parsing import Preview
from taproot_customer.imports.reading import Dialect
from taproot_customer.imports.rows import RowOptions
from taproot_customer.imports.values import clean
from taproot_storage.eventlog import Recorded

UNDO = "IMPORT_UNDO_RESULT_"
STATE, RESULT, POLICY, KIND = "IMPORT_STATE_", "IMPORT_ROW_RESULT_", "IMPORT_MATCH_POLICY_", "CUSTOMER_KIND_"


def to_message(row: Any) -> pb.Import:
    """From a row of the table or a mapped Import."""
    read = row.__getitem__ if not isinstance(row, Import) else lambda name: getattr(row, name)
    operation = read("operation_id")
    return pb.Import(
        id=str(read("id")),
        display_name=read("display_name"),
        file_name=read("file_name"),
        dialect=_dialect(read("dialect")),
        columns=[_column(stored) for stored in read("columns")],
        options=_options(read("options")),
        state=wire.enum_number(pb.ImportState, read("state"), STATE),
        counts=pb.ImportCounts(**{name: read(name) for name in COUNTS}),
        size_bytes=read("size_bytes"),
        done_bytes=read("done_bytes"),
        operation=f"operations/customer/{operation}" if operation else "",
        error=read("error"),
        undone_count=read("undone_count"),
        kept_count=read("kept_count"),
        expected_end_time=wire.to_timestamp(read("expected_end_time")),
        end_time=wire.to_timestamp(read("end_time")),
        owner_id=wire.text_of(read("owner_id")),
        branch_id=wire.text_of(read("branch_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        etag=str(read("version")),
    )


def _dialect(stored: Mapping[str, Any]) -> pb.ImportDialect:
    names = ("encoding", "delimiter", "quote", "escape", "has_header")
    return pb.ImportDialect(preamble_count=stored["preamble"], **{name: stored[name] for name in names})


def _column(stored: Mapping[str, Any]) -> pb.ImportColumn:
    return pb.ImportColumn(
        index=stored["index"],
        header=stored["header"],
        samples=stored["samples"],
        suggested_field=stored["suggested"],
        field=stored["field"],
        value_map=stored.get("value_map", {}),
        date_order=stored.get("date_order", ""),
    )


def _options(stored: Mapping[str, Any]) -> pb.ImportOptions:
    known = {**stored}
    known["match_policy"] = wire.enum_number(pb.ImportMatchPolicy, known.get("match_policy", ""), POLICY)
    known["default_kind"] = wire.enum_number(CustomerKind, known.get("default_kind", ""), KIND)
    return pb.ImportOptions(**known)


def to_event(found: Import, _recorded: Recorded) -> ImportEvent:
    event = ImportEvent()
    getattr(event, "import").CopyFrom(to_message(found))  # a keyword of Python
    return event


def to_row(row: Any) -> pb.ImportRow:
    return pb.ImportRow(
        line=row["line"],
        result=wire.enum_number(pb.ImportRowResult, row["result"], RESULT),
        cells=row["cells"],
        reasons=row["reasons"],
        customer_id=wire.text_of(row["customer_id"]),
    )


def to_change(row: Any) -> ImportChange:
    return ImportChange(
        line=row["line"],
        customer_id=str(row["customer_id"]),
        result=wire.enum_number(pb.ImportRowResult, row["result"], RESULT),
        changed_fields=sorted(row["after"]),
        undo_result=wire.enum_number(ImportUndoResult, row["undo_result"], UNDO),
        kept_fields=row["kept_fields"],
    )


def dialect_given(message: pb.ImportDialect) -> tuple[str, Dialect | None]:
    """Encoding and dialect as far as the caller states them. Raises InvalidArgument."""
    if message.encoding and message.encoding not in SUPPORTED:
        raise InvalidArgument([("import.dialect.encoding", f"use one of {', '.join(SUPPORTED)}")])
    if not message.delimiter:
        return message.encoding, None
    header = message.has_header if message.HasField("has_header") else True
    quote = message.quote or '"'
    return message.encoding, Dialect(message.delimiter, quote, message.escape, message.preamble_count, header)


def dialect_values(preview: Preview) -> dict[str, Any]:
    return {"encoding": preview.encoding, **preview.dialect.__dict__}


def stored_dialect(stored: Mapping[str, Any]) -> Dialect:
    return Dialect(**{name: value for name, value in stored.items() if name != "encoding"})


def column_values(preview: Preview, given: Sequence[pb.ImportColumn]) -> list[dict[str, Any]]:
    """Columns with their mapping; the suggestions are taken when nothing is mapped. Raises InvalidArgument."""
    chosen = {column.index: column for column in given}
    violations = [
        Violation(f"import.columns[{n}].field", "unknown field")
        for n, column in enumerate(given)
        if column.field and not known_field(column.field)
    ]
    violations += [
        Violation(f"import.columns[{n}].index", "there is no such column")
        for n, column in enumerate(given)
        if column.index >= len(preview.columns)
    ]
    if violations:
        raise InvalidArgument(violations)
    return [
        {
            "index": column.index,
            "header": column.header,
            "samples": list(column.samples),
            "suggested": column.suggested,
            "field": _chosen(chosen, column),
            "value_map": dict(chosen[column.index].value_map) if column.index in chosen else {},
            "date_order": (chosen[column.index].date_order if column.index in chosen else "")
            or column.date_order,
            "persons": column.persons,
        }
        for column in preview.columns
    ]


def _chosen(given: Mapping[int, pb.ImportColumn], column: Column) -> str:
    if any(one.field for one in given.values()):
        return given[column.index].field if column.index in given else ""
    return column.suggested


def columns_like(
    stored: Sequence[Mapping[str, Any]], found: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Columns of a new file mapped as those with the same headers in an earlier one; the others are ignored."""
    earlier = {plain_header(column["header"]): column for column in stored if column["header"]}
    return [
        column | {name: source.get(name, "") for name in ("field", "value_map")}
        if (source := earlier.get(plain_header(column["header"])))
        else column | {"field": "", "value_map": {}}
        for column in found
    ]


def option_values(message: pb.ImportOptions) -> dict[str, Any]:
    return {
        "match_policy": wire.enum_name(pb.ImportMatchPolicy, message.match_policy, POLICY),
        "default_kind": wire.enum_name(CustomerKind, message.default_kind, KIND),
        "source": message.source,
        "tags": list(message.tags),
        "phone_region": message.phone_region,
        "day_first": message.day_first,
        "external_system": message.external_system,
        "keep_unreadable": message.keep_unreadable,
        "keep_unmapped": message.keep_unmapped,
    }


def row_options(found: Import, default_region: str) -> RowOptions:
    options = found.options
    return RowOptions(
        fields=tuple(column["field"] for column in found.columns),
        default_kind=options.get("default_kind", ""),
        source=options.get("source") or "import",
        tags=tuple(options.get("tags", ())),
        phone_region=options.get("phone_region") or default_region,
        home_region=default_region,
        day_first=options.get("day_first", False),
        external_system=options.get("external_system") or system_name(found.file_name),
        keep_unreadable=options.get("keep_unreadable", False),
        custom=specs_of("customer"),
        value_maps=tuple(_folded(column.get("value_map") or {}) for column in found.columns),
        keep_unmapped=options.get("keep_unmapped", False),
        date_orders=tuple(column.get("date_order", "") for column in found.columns),
        persons=any(c.get("persons") and c["field"] == "display_name" for c in found.columns),
        organizations=any(
            c["field"] == "display_name" and says_organization(c["header"]) for c in found.columns
        ),
    )


def own_fields() -> dict[str, str]:
    """The enterprise's own fields by their keys and labels, as headers may name them."""
    known: dict[str, str] = {}
    for spec in specs_of("customer"):
        if not spec.retired:
            names = (spec.key, *spec.labels.values())
            known |= {plain_header(name): f"custom.{spec.key}" for name in names if name}
    return known


def _folded(spelt: Mapping[str, str]) -> dict[str, str]:
    return {clean(written).casefold(): meant for written, meant in spelt.items()}


def system_name(file_name: str) -> str:
    """Keys of one file's system: `Kunden 2026-05.csv` -> `kunden`, the same for next month's file."""
    stem = file_name.rpartition(".")[0] or file_name
    words = re.findall(r"[^\W\d_]+", stem.casefold())
    return "_".join(words)[:40] or "import"

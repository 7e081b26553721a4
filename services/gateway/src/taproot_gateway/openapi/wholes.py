"""What every operation has beside its contract: partial answers, and the reading of many records at once."""

from __future__ import annotations

from taproot_gateway.http.batches import MOST_RECORDS
from taproot_gateway.openapi.schemas import Schema
from taproot_gateway.transcoding.routes import Route
from taproot_gateway.transcoding.selection import MAX_TEXT, PARAMETER


def fields_parameter(route: Route) -> list[Schema]:
    """Not where the request has a field of that name, or the answer is no record."""
    method = route.method
    if PARAMETER in method.input_type.fields_by_name or method.output_type.full_name == "google.api.HttpBody":
        return []
    text = "Fields of the answer that are wanted, such as `id,display_name` or, for a list, `customers(id),next_page_token`."
    return [
        {
            "name": PARAMETER,
            "in": "query",
            "description": text if not route.batch else "Fields of each record that are wanted.",
            "schema": {"type": "string", "maxLength": MAX_TEXT},
        }
    ]


def batch_operation(single: Schema, items: str) -> Schema:
    """Of `GET /v1/customers/{id}` that of `GET /v1/customers:batchGet`."""
    record = single["responses"]["200"]["content"]["application/json"]["schema"]
    answer = {
        "type": "object",
        "properties": {
            items: {
                "type": "array",
                "items": record,
                "description": "The records found, in the order asked for.",
            },
            "missing": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Ids of records that do not exist or are not visible to the caller.",
            },
        },
    }
    ids = {
        "name": "ids",
        "in": "query",
        "required": True,
        "description": f"1 to {MOST_RECORDS} ids, separated by commas.",
        "style": "form",
        "explode": False,
        "schema": {
            "type": "array",
            "items": {"type": "string", "format": "uuid"},
            "minItems": 1,
            "maxItems": MOST_RECORDS,
        },
    }
    others = [one for one in single["parameters"] if one["in"] != "path"]
    ok = single["responses"]["200"] | {"content": {"application/json": {"schema": answer}}}
    return single | {
        "operationId": single["operationId"].replace("_Get", "_BatchGet"),
        "summary": f"Reads many {items.replace('_', ' ')} at once",
        "description": "One round trip for many records. Each is read under the caller's rights; "
        "those that are not there are named in `missing`.",
        "parameters": [ids, *others],
        "responses": single["responses"] | {"200": ok},
    }

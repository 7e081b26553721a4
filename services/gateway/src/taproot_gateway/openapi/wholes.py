"""What operations have beside their contracts: headers, problems, partial answers, batches, and the live events."""

from __future__ import annotations

from taproot_gateway.http.batches import MOST_RECORDS
from taproot_gateway.openapi.schemas import Schema
from taproot_gateway.saved_views.applying import PARAMETER as VIEW
from taproot_gateway.saved_views.applying import takes_view
from taproot_gateway.transcoding.routes import Route
from taproot_gateway.transcoding.selection import MAX_TEXT, PARAMETER

HEADERS: dict[str, Schema] = {
    "ETag": {
        "schema": {"type": "string"},
        "description": "Version of the answer, for If-None-Match and If-Match.",
    },
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "The tightest limit as it stands: requests left, seconds until all are back.",
        "example": '"user";r=5988;t=1',
    },
    "RateLimit-Policy": {
        "schema": {"type": "string"},
        "description": "The limits that hold: requests, seconds.",
        "example": '"user";q=6000;w=60',
    },
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."},
}
PROBLEM_EXAMPLES: dict[str, Schema] = {
    "400": {
        "type": "urn:taproot:problem:invalid-fields",
        "title": "The request is not valid",
        "status": 400,
        "detail": "1 field is not valid",
        "reason": "INVALID_FIELDS",
        "violations": [{"field": "customer.display_name", "description": "is required"}],
    },
    "401": {
        "type": "urn:taproot:problem:credentials-missing",
        "title": "Sign in first",
        "status": 401,
        "reason": "CREDENTIALS_MISSING",
    },
    "412": {
        "type": "urn:taproot:problem:etag-mismatch",
        "title": "The record has another version",
        "status": 412,
        "detail": "the record has changed since it was read; read it again and repeat the change",
        "reason": "ETAG_MISMATCH",
    },
    "429": {
        "type": "urn:taproot:problem:rate-limited",
        "title": "Too much at once",
        "status": 429,
        "detail": "the limit of this user is 6000 in 60 s",
        "reason": "RATE_LIMITED",
        "metadata": {"policy": "user"},
    },
}


def stream_paths() -> dict[str, Schema]:
    """`GET /v1/events` is no RPC: it is described here."""
    texts = {
        "types": "Types of events, such as `customer.*,order.confirmed`. Default: all.",
        "resource": "Resources or single records, such as `tickets,orders/<id>`. Default: all.",
        "customer_id": "Events of these customers only.",
        "last_event_id": "Position to go on from, for clients that cannot set the header.",
    }
    parameters: list[Schema] = [
        {"name": name, "in": "query", "schema": {"type": "string"}, "description": text}
        for name, text in texts.items()
    ]
    last = {
        "name": "Last-Event-ID",
        "in": "header",
        "schema": {"type": "string"},
        "description": "The last `id` the client has read: nothing after it is lost, and nothing comes twice.",
    }
    example = (
        "id: customer.42-sales.7\n"
        'data: {"resource":"customers","id":"0190b6a0-0000-7000-8000-000000000001","event":"customer.updated","etag":"3"}\n\n'
    )
    errors = {
        code: {"$ref": f"#/components/responses/{code}"}
        for code in ("400", "401", "403", "429", "503", "default")
    }
    ok = {
        "description": "Events as they happen (server-sent events of the HTML standard), without an end.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": example}},
    }
    operation: Schema = {
        "operationId": "Events_Subscribe",
        "tags": ["Events"],
        "summary": "Listens to events",
        "description": "Tells which records change, of those the caller may read. The record itself is read anew. "
        "`event: reset` says that some were missed, `event: end` why the stream ends.",
        "x-permission": "authenticated",
        "parameters": [*parameters, last],
        "responses": {"200": ok, **errors},
    }
    return {"/v1/events": {"get": operation}}


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


def view_parameter(route: Route) -> list[Schema]:
    """Which the gateway takes for every list that views are kept for, so no contract has it."""
    if not takes_view(route):
        return []
    text = (
        "Id of a saved view of this list, whose filter and order apply. A filter of the request narrows the view's;"
        " an order of the request takes the place of the view's."
    )
    schema = {"type": "string", "format": "uuid"}
    return [{"name": VIEW, "in": "query", "description": text, "schema": schema}]


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

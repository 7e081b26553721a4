"""What the SCIM endpoint says of itself: configuration, resource types and schemas (RFC 7643, 5 to 7)."""

from __future__ import annotations

from typing import Any

from taproot_gateway.scim.patches import ENTERPRISE
from taproot_gateway.scim.resources import GROUP, USER

Json = dict[str, Any]
MOST_ROWS = 200
_CORE = "urn:ietf:params:scim:schemas:core:2.0"


def configuration(base: str) -> Json:
    return {
        "schemas": [f"{_CORE}:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST_ROWS},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "API key",
                "description": "An API key made with the scope `scim`, sent as a bearer token",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def resource_types(base: str) -> list[Json]:
    extension = [{"schema": ENTERPRISE, "required": False}]
    return [_type("User", USER, base) | {"schemaExtensions": extension}, _type("Group", GROUP, base)]


def schemas(base: str) -> list[Json]:
    person = [
        _attribute("userName", required=True, uniqueness="server"),
        _attribute("displayName"),
        _complex("name", [_attribute("formatted"), *_parts_of_a_name()]),
        _attribute("title"),
        _attribute("preferredLanguage"),
        _attribute("timezone"),
        _attribute("active", "boolean"),
        _complex("emails", _valued(), many=True),
        _complex("phoneNumbers", _valued(), many=True),
        _complex("roles", [_attribute("value"), _attribute("display", mutability="readOnly")], many=True),
        _complex("groups", _references("Group", "readOnly"), many=True, mutability="readOnly"),
    ]
    manager = _complex("manager", _references("User"))
    group = [_attribute("displayName", required=True), _complex("members", _references("User"), many=True)]
    return [
        _schema(USER, "User", person, base),
        _schema(ENTERPRISE, "EnterpriseUser", [_attribute("employeeNumber"), manager], base),
        _schema(GROUP, "Group", group, base),
    ]


def _type(name: str, schema: str, base: str) -> Json:
    meta = {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{name}"}
    kind = {"schemas": [f"{_CORE}:ResourceType"], "id": name, "name": name, "endpoint": f"/{name}s"}
    return kind | {"schema": schema, "meta": meta}


def _schema(key: str, name: str, attributes: list[Json], base: str) -> Json:
    meta = {"resourceType": "Schema", "location": f"{base}/Schemas/{key}"}
    return {"schemas": [f"{_CORE}:Schema"], "id": key, "name": name, "attributes": attributes, "meta": meta}


def _attribute(
    name: str,
    kind: str = "string",
    *,
    many: bool = False,
    required: bool = False,
    mutability: str = "readWrite",
    uniqueness: str = "none",
) -> Json:
    return {
        "name": name,
        "type": kind,
        "multiValued": many,
        "required": required,
        "caseExact": False,
        "mutability": mutability,
        "returned": "default",
        "uniqueness": uniqueness,
    }


def _complex(name: str, parts: list[Json], *, many: bool = False, mutability: str = "readWrite") -> Json:
    return _attribute(name, "complex", many=many, mutability=mutability) | {"subAttributes": parts}


def _valued() -> list[Json]:
    """One value is kept, so its kind and rank are ours to say."""
    fixed = "readOnly"
    return [
        _attribute("value"),
        _attribute("type", mutability=fixed),
        _attribute("primary", "boolean", mutability=fixed),
    ]


def _parts_of_a_name() -> list[Json]:
    """They are put together to the whole name, which alone is kept."""
    parts = (_attribute(name, mutability="writeOnly") for name in ("givenName", "familyName"))
    return [part | {"returned": "never"} for part in parts]


def _references(kind: str, mutability: str = "immutable") -> list[Json]:
    reference = _attribute("$ref", "reference", mutability=mutability) | {"referenceTypes": [kind]}
    return [
        _attribute("value", mutability=mutability),
        reference,
        _attribute("type", mutability="readOnly"),
        _attribute("display", mutability="readOnly"),
    ]

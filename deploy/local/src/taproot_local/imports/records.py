"""Stored records by what files call them: customers by key, domain, e-mail address or name, users by name or address."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from taproot_local.api import Client, Json

_MAILBOXES = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "hotmail.com",
        "outlook.com",
        "live.com",
        "yahoo.com",
        "icloud.com",
        "aol.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "mail.ru",
        "qq.com",
        "163.com",
        "126.com",
        "sina.com",
        "foxmail.com",
        "example.com",
        "example.org",
        "example.net",
    ]
)
_ORGANIZATION, _CONTACT_KIND = "CUSTOMER_KIND_ORGANIZATION", "IDENTIFIER_KIND_EMAIL"


class Records:
    """Read once, before the rows. A name that several records have finds none."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Mapping[str, str] | None] = {}
        self._weak: dict[tuple[str, str, str], Mapping[str, str] | None] = {}

    @classmethod
    async def read(cls, client: Client, resources: Collection[str]) -> Records:
        records = cls()
        if "customers" in resources:
            async for one in client.pages("/v1/customers"):
                records._take_customer(one)
            async for one in client.pages("/v1/contacts"):
                records._take_contact(one)
        if "users" in resources:
            async for one in client.pages("/v1/users"):
                for name in ("user_name", "display_name", "email"):
                    records._put("users", "name", str(one.get(name, "")), {"id": one["id"]})
        return records

    def find(self, resource: str, by: str, key: str) -> Mapping[str, str] | None:
        wanted = (resource, by, _folded(key))
        if by == "external" and ":" not in key:
            return self._found.get((resource, "bare", _folded(key)))
        return self._found.get(wanted) or self._weak.get(wanted)

    def _take_customer(self, one: Json) -> None:
        ids = {"id": str(one["id"])}
        self._put("customers", "name", str(one.get("display_name", "")), ids)
        for known in one.get("identifiers", ()):
            kind, value = str(known.get("kind", "")), str(known.get("value", ""))
            if kind.endswith("EXTERNAL"):
                system, _, key = value.partition(":")
                self._put(
                    "customers",
                    "domain" if system == "domain" else "external",
                    key if system == "domain" else value,
                    ids,
                )
                self._put("customers", "bare", key, ids)
            elif kind == _CONTACT_KIND:
                self._put("customers", "email", value, ids)
                domain = _folded(value.rpartition("@")[2])
                if one.get("kind") == _ORGANIZATION and domain not in _MAILBOXES:
                    self._put("customers", "domain", domain, ids, weak=True)

    def _take_contact(self, one: Json) -> None:
        ids = {"id": str(one["customer_id"]), "contact_id": str(one["id"])}
        for known in one.get("identifiers", ()):
            if known.get("kind") == _CONTACT_KIND:
                self._put("customers", "email", str(known.get("value", "")), ids, weak=True)

    def _put(self, resource: str, by: str, key: str, ids: Mapping[str, str], *, weak: bool = False) -> None:
        index = (resource, by, _folded(key))
        table = self._weak if weak else self._found
        known = table.get(index, ids)
        same = known is not None and known["id"] == ids["id"]
        table[index] = (known if same else None) if index[2] else None


def resources_of(fields: Mapping[str, object]) -> set[str]:
    """The resources whose stored records the fields refer to."""
    return {str(one["record"]) for one in fields.values() if isinstance(one, Mapping) and "record" in one}


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()

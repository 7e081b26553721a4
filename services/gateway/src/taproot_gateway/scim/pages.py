"""The SCIM endpoint over HTTP: who may, which resource, and SCIM's own answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from taproot_base.access import AccessDirectory
from taproot_base.audit import Note
from taproot_base.auth import Principal
from taproot_base.context import Call, calling
from taproot_base.errors import AppError, Kind, PermissionDenied
from taproot_gateway.callers import Callers
from taproot_gateway.http.exchange import Answer, BodyTooLarge, BodyTooSlow, Header, Request
from taproot_gateway.http.limits import Limiter, RateLimited
from taproot_gateway.refusals import CREDENTIAL_INVALID, Refusals
from taproot_gateway.scim import documents
from taproot_gateway.scim.errors import InvalidSyntax, ScimError
from taproot_gateway.scim.service import Directory, Json
from taproot_gateway.transcoding.problems import from_app_error

PREFIX = "/scim/v2/"
SCOPE = "scim"
TYPE = "application/scim+json"
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_MOST_BYTES = 1024 * 1024
_VERBS = {"GET": "read", "POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
_RESOURCES = {"Users": "users", "Groups": "teams"}
_ON_LIST, _ON_ONE = ("GET", "POST"), ("GET", "PUT", "PATCH", "DELETE")
_TYPES = ("", "application/json", TYPE)
_SCIM_TYPES = {Kind.EXISTS: "uniqueness", Kind.INVALID: "invalidValue"}

Ensure = Callable[[Principal], Awaitable[None]]


class ScimPages:
    """`ensure` makes the directory know the caller's roles."""

    def __init__(
        self,
        service: Directory,
        callers: Callers,
        limiter: Limiter,
        refusals: Refusals,
        rights: AccessDirectory,
        ensure: Ensure,
        base: str,
    ) -> None:
        self._service = service
        self._callers = callers
        self._limiter = limiter
        self._refusals = refusals
        self._rights = rights
        self._ensure = ensure
        self._base = base

    async def serve(self, request: Request) -> Answer:
        try:
            return await self._admitted(request)
        except ScimError as error:
            return _error(error.status, error.detail, error.scim_type)
        except RateLimited as error:
            answer = _error(429, error.message)
            answer.headers += [*error.headers, *from_app_error(error).headers()]
            return answer
        except AppError as error:
            detail = "; ".join(f"{one.field}: {one.description}" for one in error.violations) or error.message
            return _error(from_app_error(error).status, detail, _SCIM_TYPES.get(error.kind, ""))
        except BodyTooLarge:
            return _error(413, "the body is too large")
        except BodyTooSlow:
            return _error(408, "the body did not arrive in time")

    async def _admitted(self, request: Request) -> Answer:
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        found = scheme.lower() == "bearer" and credential.strip()
        caller = await self._callers.find(credential.strip(), SCOPE) if found else None
        if caller is None:
            if found:  # a guess, which was looked up
                self._refusals.note(CREDENTIAL_INVALID, f"scim {request.method}", request.client)
                await self._limiter.admit(self._callers.anonymous(), "", request.client)
            answer = _error(401, "send an API key made with the scope scim")
            answer.headers.append((b"www-authenticate", b'Bearer realm="scim"'))
            return answer
        await self._limiter.admit(caller, credential.strip(), request.client)
        try:
            return await self._permitted(request, caller.principal)
        except PermissionDenied as error:
            self._refusals.note(error.reason, f"scim {request.method}", request.client, caller.principal)
            raise

    async def _permitted(self, request: Request, principal: Principal) -> Answer:
        await self._ensure(principal)
        if self._rights.masked(principal):
            raise PermissionDenied("a role of the key's user hides fields; SCIM needs to see them all")
        parts = [unquote(part) for part in request.path.removeprefix(PREFIX).strip("/").split("/")]
        if parts[0] in _RESOURCES and len(parts) <= len(("Users", "id")):
            return await self._resource(request, principal, parts)
        return self._document(request, parts)

    async def _resource(self, request: Request, principal: Principal, parts: list[str]) -> Answer:
        kind, searching = parts[0], parts[1:] == [".search"] and request.method == "POST"
        method = "GET" if searching or request.method == "HEAD" else request.method
        if not searching and method not in (_ON_LIST if len(parts) == 1 else _ON_ONE):
            return _error(405, "this is not served here")
        permission = f"{_RESOURCES[kind]}.{_VERBS[method]}"
        self._rights.require(principal, permission)
        note = Note(changes=method != "GET")
        call = Call(principal, self._rights, method=f"scim {method}", permission=permission, note=note)
        with calling(call):
            return await self._served(request, method, kind, parts[1:], searching=searching)

    async def _served(
        self, request: Request, method: str, kind: str, rest: list[str], *, searching: bool
    ) -> Answer:
        if_match = request.headers.get("if-match", "")
        if searching:
            return _answer(200, await self._service.search(kind, _asked(await _body(request))))
        asked = {name: values[-1] for name, values in parse_qs(request.query).items()}
        if method == "GET":
            found = await (self._service.read(kind, rest[0]) if rest else self._service.search(kind, asked))
            return _conditional(request, _chosen(found, asked))
        if method == "DELETE":
            await self._service.delete(kind, rest[0], if_match)
            self._callers.forget_all()
            return Answer(204)
        body = await _body(request)
        if method == "POST":
            made = await self._service.create(kind, body)
            return _answer(201, made, [(b"location", made["meta"]["location"].encode())])
        change = self._service.replace if method == "PUT" else self._service.patch
        changed = await change(kind, rest[0], if_match, body)
        self._callers.forget_all()
        return _answer(200, _chosen(changed, asked))

    def _document(self, request: Request, parts: list[str]) -> Answer:
        if request.method not in ("GET", "HEAD"):
            return _error(405, "this can only be read")
        if parts == ["ServiceProviderConfig"]:
            return _answer(200, documents.configuration(self._base))
        lists = {"ResourceTypes": documents.resource_types, "Schemas": documents.schemas}
        listed = lists[parts[0]](self._base) if parts[0] in lists else []
        named = [one for one in listed if parts[1:] in ([], [one["id"]])]
        if parts[1:] and named:
            return _answer(200, named[0])
        if not named:
            return _error(404, "there is nothing here")
        total = {"totalResults": len(named), "startIndex": 1, "itemsPerPage": len(named), "Resources": named}
        return _answer(200, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], **total})


async def _body(request: Request) -> Json:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise ScimError(415, f"send {TYPE}")
    try:
        found = orjson.loads(await request.body(_MOST_BYTES))
    except orjson.JSONDecodeError:
        raise InvalidSyntax("the body is not JSON") from None
    if not isinstance(found, dict):
        raise InvalidSyntax("the body is not an object")
    return found


def _asked(body: Json) -> dict[str, str]:
    return {name: value if isinstance(value, str) else str(value) for name, value in body.items()}


def _chosen(found: Json, asked: dict[str, str]) -> Json:
    """Of resources only the attributes asked for; `id`, `schemas` and `meta` always."""
    wanted, hidden = _names(asked, "attributes"), _names(asked, "excludedAttributes")
    if not (wanted or hidden):
        return found
    if "Resources" in found:
        return found | {"Resources": [_chosen(one, asked) for one in found["Resources"]]}
    shown = {name for name in found if (name.lower() in wanted if wanted else name.lower() not in hidden)}
    return {name: one for name, one in found.items() if name in shown | {"id", "schemas", "meta"}}


def _names(asked: dict[str, str], parameter: str) -> set[str]:
    """The attributes a parameter lists; `name.givenName` asks for `name`."""
    listed = asked.get(parameter, "").split(",")
    return {part.strip().lower().partition(".")[0] for part in listed if part.strip()}


def _conditional(request: Request, found: Json) -> Answer:
    version = found.get("meta", {}).get("version", "") if isinstance(found.get("meta"), dict) else ""
    asked = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    if version and version in asked:
        return Answer(304, headers=[(b"etag", version.encode())])
    return _answer(200, found)


def _answer(status: int, body: Json, headers: list[Header] | None = None) -> Answer:
    meta: Any = body.get("meta") or {}
    tag: list[Header] = [(b"etag", meta["version"].encode())] if "version" in meta else []
    return Answer(status, orjson.dumps(body), TYPE, [*tag, *(headers or [])])


def _error(status: int, detail: str, scim_type: str = "") -> Answer:
    body = {"schemas": [_ERROR], "status": str(status), "detail": detail}
    return Answer(status, orjson.dumps(body | ({"scimType": scim_type} if scim_type else {})), TYPE)

"""Lists of 50 at two sizes of the table: what a page costs whoever reaches much or little of it.

Two answers are wanted. Where the rows in reach stay the same, a hundred times the table may cost at most twice the
time; where they grow with it, a page still comes within 100 ms. No statement may read the table from end to end,
which PostgreSQL itself counts.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import statistics
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import seed
from stack import Stack, running_stack

SMALL = 10_000
REGIONS, OFFICES = 6, 7
PAGES = 120
SPREAD = "/%/%/%/"  # offices: two levels below the head office
PASSWORD = "Lists-of-fifty-2026"
QUERIES = {
    "newest first": {},
    "by name": {"order_by": "display_name"},
    "filter of 1 %": {"filter": 'tags:"hundredth"'},
    "filter of 50 rows": {"filter": 'tags:"rare"'},
}
SCANS = "SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables WHERE relname = 'customers'"


@dataclass(frozen=True)
class Caller:
    """`grows`: the rows in reach grow with the table."""

    name: str
    scopes: tuple[str, ...]
    grows: bool


CALLERS = (
    Caller("own 1,000 rows", ("OWN",), grows=False),
    Caller("one branch of 42", ("BRANCH",), grows=True),
    Caller("a subtree of 7", ("BRANCH_AND_BELOW",), grows=True),
    Caller("everything", ("ALL",), grows=True),
    Caller("two roles", ("OWN", "BRANCH"), grows=True),
)


def measure(customers: int) -> dict[str, Any]:
    """Percentiles in milliseconds by size, caller and query."""
    return {str(size): _measure(size) for size in (SMALL, customers)}


def _measure(customers: int) -> dict[str, Any]:
    with running_stack() as stack:
        stack.start_services()
        people = _Enterprise(stack).make()
        owner = uuid.UUID(people[CALLERS[0].name])
        wanted = "SELECT count(*) FROM identity_users WHERE active"
        stack.until(lambda: asyncio.run(seed.value(stack.customer.app_url, wanted)) > len(CALLERS))
        begun = time.perf_counter()
        asyncio.run(seed.fill(stack.customer.owner_url, customers, SPREAD, owner, pages=False))
        loaded = time.perf_counter() - begun
        print(f"  lists: {customers:,} customers loaded in {loaded:.0f} s", flush=True)
        scans = asyncio.run(seed.value(stack.customer.owner_url, SCANS))
        rows = {caller.name: _of_caller(stack, caller) for caller in CALLERS}
        asyncio.run(seed.value(stack.customer.owner_url, "SELECT pg_stat_clear_snapshot()"))
        again = asyncio.run(seed.value(stack.customer.owner_url, SCANS))
        return {"callers": rows, "load_seconds": round(loaded, 1), "sequential_scans": again - scans}


def _of_caller(stack: Stack, caller: Caller) -> dict[str, Any]:
    token = stack.sign_in(_user_name(caller), PASSWORD)
    found = {name: _timed(stack, token, query) for name, query in QUERIES.items()}
    told = ", ".join(f"{name} {one['p99_ms']} ms" for name, one in found.items())
    print(f"  lists: {caller.name}: {told}", flush=True)
    return found


def _timed(stack: Stack, token: str, query: dict[str, str]) -> dict[str, Any]:
    """Pages one after the other over one connection; the first ones warm the caches and do not count."""
    path = "/v1/customers?" + urllib.parse.urlencode({"page_size": 50, **query})
    connection = http.client.HTTPConnection("127.0.0.1", stack.http_port, timeout=60)
    taken, rows = [], 0
    for number in range(PAGES + 10):
        begun = time.perf_counter()
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:500]!r}")
        if number >= 10:
            taken.append((time.perf_counter() - begun) * 1000)
        rows = len(json.loads(body).get("customers", []))
    cuts = statistics.quantiles(taken, n=100)
    return {"p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1), "rows": rows}


def _user_name(caller: Caller) -> str:
    return caller.name.replace(" ", "-").replace(",", "")


class _Enterprise:
    """Six regions of seven offices below the head office, and a user with each kind of reach in the first office."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._token = stack.sign_in()

    def make(self) -> dict[str, str]:
        """Ids of the users by the name of their reach."""
        head = self._stack.call("GET", "/v1/branches", token=self._token)["branches"][0]["id"]
        regions = [self._branch(f"r{number}", head) for number in range(REGIONS)]
        offices = [
            self._branch(f"r{number}o{office}", region)
            for number, region in enumerate(regions)
            for office in range(OFFICES)
        ]
        roles = {scope: self._role(scope) for scope in {scope for one in CALLERS for scope in one.scopes}}
        homes = {"a subtree of 7": regions[1], "own 1,000 rows": regions[0], "two roles": offices[0]}
        return {
            one.name: self._user(one, [roles[scope] for scope in one.scopes], homes.get(one.name, offices[0]))
            for one in CALLERS
        }

    def _made(self, path: str, record: dict[str, Any]) -> str:
        return str(self._stack.call("POST", path, record, self._token)["id"])

    def _branch(self, code: str, parent: str) -> str:
        return self._made("/v1/branches", {"code": code, "display_name": code, "parent_id": parent})

    def _role(self, scope: str) -> str:
        grants = [{"permission": "customers.read", "scope": f"DATA_SCOPE_{scope}"}]
        code = f"reads_{scope.lower()}"
        return self._made("/v1/roles", {"code": code, "display_name": code, "grants": grants})

    def _user(self, caller: Caller, roles: list[str], branch: str) -> str:
        name = _user_name(caller)
        key = self._made(
            "/v1/users",
            {
                "user_name": name,
                "display_name": caller.name,
                "email": f"{name}@example.com",
                "branch_id": branch,
                "role_ids": roles,
            },
        )
        self._stack.call("POST", f"/v1/users/{key}:setPassword", {"password": PASSWORD}, self._token)
        return key


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Rows of the table of results."""
    customers = max(map(int, found))
    small, large = found[str(SMALL)], found[str(customers)]
    for caller in CALLERS:
        for query in QUERIES:
            before, after = (one["callers"][caller.name][query]["p99_ms"] for one in (small, large))
            times = after / before
            goal, met = ("< 100 ms", after < 100) if caller.grows else ("<= 2 x", times <= 2)
            what = f"list of 50, {caller.name}, {query}: p99 at {customers:,}"
            verdict = "met" if met else "**missed**"
            yield f"| {what} | {after:.0f} ms | at {SMALL:,} {before:.0f} ms | {times:.1f} x | {goal} | {verdict} |"
    scans = large["sequential_scans"]
    yield f"| sequential scans of the customers meanwhile | {scans} | | | 0 | {'met' if not scans else '**missed**'} |"

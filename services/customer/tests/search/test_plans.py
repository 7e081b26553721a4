"""What the searches cost: how many statements, and by which indexes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from taproot_customer.search import queries
from taproot_customer.search.keys import record_keys
from taproot_customer.search.question import ask
from taproot_customer.search.ranking import Asked
from taproot_customer.search.servicer import find

MANY = 9_000
MOST_VISITED = 5 * queries.FEW
BRANCHES = ("/hq/e/sh/", "/hq/n/bj/", "/hq/w/")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALL = ["customer", "contact", "activity"]
FILL = """
INSERT INTO customers (id, kind, display_name, given_name, family_name, identifiers, addresses, status, value_class,
    industry, region, source, tags, language_code, time_zone, key_account, note, branch_path, custom, sort_key, loyalty_class,
    search_tokens, merged_ids, version, create_time, update_time)
VALUES ($1, 'organization', $2, '', '', '[]', '[]', 'potential', '', '', '', '', '{}', 'zh-CN', '', false, $3, $4, '{}',
    $2, '', $5, '{}', 1, $6, $6)
"""
CONTACTS = """
INSERT INTO contacts (id, customer_id, display_name, given_name, family_name, job_title, department, role,
    decision_maker, "primary", identifiers, language_code, note, branch_path, custom, sort_key, search_tokens, version,
    create_time, update_time)
SELECT gen_random_uuid(), id, display_name, '', '', '', '', '', false, false, '[]', '', '', branch_path, '{}', '',
    search_tokens, 1, create_time, create_time FROM customers
"""
ACTIVITIES = """
INSERT INTO activities (id, customer_id, kind, display_name, body, direction, state, outcome, start_time, place,
    participants, participant_ids, participant_user_ids, comment, branch_path, custom, search_tokens, version, create_time, update_time)
SELECT gen_random_uuid(), id, 'call', display_name, '', 'outbound', 'done', '', create_time, '', '[]', '{}', '{}', '', branch_path,
    '{}',
    ARRAY(SELECT ':' || t FROM unnest(search_tokens) t), 1, create_time, create_time FROM customers
"""


def _name(number: int) -> str:
    first, second = "安邦昌达恩丰光海嘉凯", "力明宁普荣瑞盛泰旺兴"
    middle = "".join(first[int(digit)] for digit in f"{number:05}"[:3])
    return f"{middle}{second[number // 10 % 10]}{second[number % 10]}贸易有限公司"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(service, postgres):
    rows = []
    for number in range(MANY):
        name, note = _name(number), "重点客户" if number % 4 else ""
        keys = record_keys([name], [{"kind": "phone", "value": f"138{number:08}"}], [note])
        at = NOW - timedelta(seconds=number)
        rows.append((uuid.UUID(int=number + 1), name, note, BRANCHES[number % 3], keys, at))
    async with service.runtime.database.connection() as connection:
        await connection.executemany(FILL, rows)
        await connection.execute(CONTACTS)
        await connection.execute(ACTIVITIES)
    await settle(postgres, service)
    return service


async def settle(postgres: Any, service: Any) -> None:
    """What autovacuum does: statistics, and keys out of the waiting list into the index."""
    name = urlsplit(service.runtime.settings.database_url).path
    owner = await asyncpg.connect(urlsplit(postgres.admin_url)._replace(path=name).geturl())
    for table in ("customers", "contacts", "activities"):
        await owner.execute(f"VACUUM ANALYZE {table}")
    await owner.close()


async def visited(service: Any, caller: Any, find: Any, question: Any) -> dict[str, int]:
    """Rows of each table that one scan, or the scans of all partitions together, looked at: the most of any."""
    with service.calling(caller, "customers.read"):
        found = find(question)
        if found is None:
            return {}
        statement, values = found
        arguments = statement.arguments({**values, "resources": ALL})
        async with service.runtime.database.connection() as connection:
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}"
            answer = await connection.fetchval(explain, *arguments)
    most: dict[str, int] = {}
    for table, rows in _scans((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]):
        most[table] = max(rows, most.get(table, 0))
    return most


def _scans(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    parts = [child for child in node.get("Plans", ()) if child.get("Parent Relationship") == "Member"]
    of_parts = [(child["Relation Name"], _rows(child)) for child in parts if "Relation Name" in child]
    if of_parts and of_parts[0][0].startswith("activities"):
        yield "activities", sum(rows for _, rows in of_parts)
    elif "Relation Name" in node:
        yield node["Relation Name"].partition("_p")[0], _rows(node)
    for child in node.get("Plans", ()):
        yield from _scans(child)


def _rows(node: dict[str, Any]) -> int:
    removed = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    return round((node["Actual Rows"] + removed) * node["Actual Loops"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def callers(service):
    rights = ("customers.read", "contacts.read", "activities.read")
    return [
        await service.add_user(dict.fromkeys(rights, scope), BRANCHES[0])
        for scope in ("all", "branch", "own")
    ]


@pytest.mark.parametrize(
    "query", [_name(4711), "贸易有限公司", "贸易", "重点客户", "13800004711", "1380", "myyx", "maoyi", "zzzz"]
)
async def test_no_table_is_read_from_end_to_end(filled, callers, query):
    """Neither for a word all names have nor for one nobody has; activities too."""
    question = ask(query, "CN", names=True, identifiers=True, notes=True)
    for caller in callers:
        for way in (queries.fitting, queries.slipped):
            most = await visited(filled, caller, way, question)
            for table in ("customers", "contacts", "activities"):
                assert most.get(table, 0) <= MOST_VISITED, (caller.subject, way, table)


async def test_of_a_common_word_each_caller_is_shown_the_newest_of_its_own(filled, callers):
    question = ask("贸易", "CN", names=True, identifiers=True, notes=True)
    everybody, branch, owner = callers
    for caller, step in ((everybody, 1), (branch, len(BRANCHES)), (owner, 0)):
        with filled.calling(caller, "customers.read"):
            async with filled.runtime.database.reading() as reader:
                found = await queries.find_fitting(reader, question, ["customer"])
        newest = [uuid.UUID(int=number * step + 1) for number in range(queries.MOST_PARTS)] if step else []
        assert [row["id"] for row in found] == newest


@pytest.mark.parametrize(("query", "most"), [("贸易", 1), (_name(4711), 2), ("王小明", 2)])
async def test_at_most_two_statements_and_one_for_the_names(filled, callers, query, most):
    question = ask(query, "CN", names=True, identifiers=True, notes=True)
    with filled.calling(callers[0], "customers.read"):
        async with filled.runtime.database.reading() as reader:
            await find(reader, Asked(query, "CN"), question, ALL, 10)
            assert reader.statement_count <= most


async def test_the_one_meant_comes_first_among_many_alike(filled, callers):
    question = ask(_name(4711), "CN", names=True, identifiers=True, notes=True)
    with filled.calling(callers[0], "customers.read"):
        async with filled.runtime.database.reading() as reader:
            found = await find(reader, Asked(_name(4711), "CN"), question, ["customer"], 10)
    assert found[0][0]["id"] == uuid.UUID(int=4712)

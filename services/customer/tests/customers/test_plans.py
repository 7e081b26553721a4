"""Lists of many customers read indexes: EXPLAIN of every statement behind the call, for callers of each reach."""

from __future__ import annotations

import asyncpg
import pytest
import pytest_asyncio

from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_storage.database import Reader

CUSTOMERS = 20_000
FILL = """
INSERT INTO customers (id, version, create_time, update_time, kind, display_name, given_name, family_name,
    identifiers, addresses, status, value_class, loyalty_class, industry, region, source, tags, language_code, time_zone,
    key_account, note, owner_id, branch_path, custom, sort_key, search_tokens, merged_ids)
SELECT gen_random_uuid(), 1, now() - n * interval '1 minute', now(), 'person', 'p' || n, '', '', '[]', '[]',
    'potential', '', '', '', '', '', CASE n % 400 WHEN 0 THEN ARRAY['rare'] ELSE '{}' END, 'en', '', false, '',
    CASE n % 50 WHEN 0 THEN $2::uuid END, '/hq/' || n % 20 || '/', '{}', md5(n::text),
    ARRAY['p' || n], '{}'
FROM generate_series(1, $1::bigint) AS n
"""
LISTS = {
    "newest first": {},
    "by name": {"order_by": "display_name"},
    "a tag": {"filter": 'tags:"rare"'},
    "a tag, by name": {"filter": 'tags:"rare"', "order_by": "display_name"},
    "a name": {"filter": 'search:"p4711"'},
}
REACHES = ("own", "branch", "all")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def callers(service, postgres):
    found = {reach: await service.add_user({"customers.read": reach}, "/hq/7/") for reach in REACHES}
    async with service.runtime.database.connection() as connection:
        await connection.execute(FILL, CUSTOMERS, found["own"].subject)
        name = await connection.fetchval("SELECT current_database()")
    administrator = await asyncpg.connect(postgres.admin_url, database=name)  # the service's login may not
    try:
        await administrator.execute("ANALYZE customers")
    finally:
        await administrator.close()
    return found


@pytest.fixture
def plans(monkeypatch):
    """What PostgreSQL means to do with each statement."""
    found: list[str] = []
    fetch = Reader.fetch

    async def explained(self, statement, **values):
        prepared = self._prepare(statement)
        rows = await self.connection.fetch(f"EXPLAIN {prepared.text}", *prepared.arguments(values))
        found.append("\n".join(row[0] for row in rows))
        return await fetch(self, statement, **values)

    monkeypatch.setattr(Reader, "fetch", explained)
    return found


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("asked", LISTS)
async def test_no_list_reads_the_whole_table(service, callers, plans, reach, asked):
    stub = service.stub(CustomersServiceStub, callers[reach])
    await stub.ListCustomers(rpc.ListCustomersRequest(page_size=50, **LISTS[asked]))
    read = [plan for plan in plans if " customers" in plan]
    assert read, "the list read no customers"
    assert not [plan for plan in read if "Seq Scan on customers" in plan], "\n\n".join(read)

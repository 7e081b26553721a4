"""Customers to read, made by SQL in the database itself: as plausible as speed needs, not more."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg

CUSTOMERS = """
INSERT INTO customers (id, kind, display_name, given_name, family_name, identifiers, addresses, status, value_class, loyalty_class,
    industry, region, source, tags, language_code, time_zone, key_account, note, owner_id, branch_id, branch_path,
    custom, sort_key, search_tokens, merged_ids, version, create_time, update_time)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'person', 'Customer ' || n, 'Customer', n::text,
    jsonb_build_array(jsonb_build_object('kind', 'phone', 'value', '1' || lpad(n::text, 10, '0'), 'label', '',
        'primary', true)),
    jsonb_build_array(jsonb_build_object('lines', jsonb_build_array('Road ' || n % 900), 'city', 'Shanghai',
        'region', '', 'postal_code', '200000', 'country', 'CN')),
    'potential', 'b', '', 'retail', 'Shanghai', 'web',
    ARRAY['new'] || CASE WHEN abs(hashint8(n + 1) % 100) = 7 THEN ARRAY['hundredth'] ELSE '{}' END
        || CASE WHEN n % $3 = 3 THEN ARRAY['rare'] ELSE '{}' END,
    'zh-CN', '', false, '', CASE WHEN n % $4 = 5 THEN $5::uuid ELSE p.owner_id END, p.branch_id, p.path,
    '{}', 'customer ' || n, ARRAY['customer', n::text], '{}', 1,
    now() - n * interval '1 second', now() - n * interval '1 second'
FROM generate_series($1::bigint, $2::bigint) n JOIN places p ON p.number = abs(hashint8(n) % (SELECT count(*) FROM places))
"""
PLACES = """
CREATE TEMPORARY TABLE places AS
SELECT row_number() OVER (ORDER BY b.path) - 1 AS number, u.id AS owner_id, b.id AS branch_id, b.path
FROM identity_branches b, (SELECT id FROM identity_users WHERE active ORDER BY id LIMIT 1) u
WHERE b.path LIKE $1
"""
KEYS = """
INSERT INTO customer_keys (customer_id, kind, normal)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'phone', '+861' || lpad(n::text, 10, '0')
FROM generate_series($1::bigint, $2::bigint) n
"""
TIMELINE = """
INSERT INTO timeline (customer_id, occurred_at, id, event_type, kind, resource, resource_id, actor, branch_path,
    permission, placed, params, trace_id)
SELECT lpad(to_hex(n), 32, '0')::uuid, now() - (n % 1000 + m) * interval '1 hour', gen_random_uuid(),
    'customer.updated', 'record', 'customers', lpad(to_hex(n), 32, '0')::uuid, 'system', '/hq/',
    'activities.read', true, '{}', md5(n::text)
FROM generate_series($1::bigint, $2::bigint) n, generate_series(1, 10) m
"""
ITEMS = """
INSERT INTO profile_items (customer_id, section, item_id, version, branch_path, permission, placed, shown, rank,
    data)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'segments', gen_random_uuid()::text, 1, '/hq/',
    'segments.read', false, true, m,
    jsonb_build_object('display_name', 'Segment ' || m)
FROM generate_series($1::bigint, $2::bigint) n, generate_series(1, 3) m
"""
STEP = 50_000


RARE = 50
OWNED = 1000


async def fill(
    owner_url: str, customers: int, branches: str = "%", owner: uuid.UUID | None = None, *, pages: bool = True
) -> None:
    """`customers` records with a telephone number, ten timeline rows and three profile rows each.

    They are spread over the branches whose path is LIKE `branches`; 1 % bear the tag `hundredth`, `RARE` of them
    the tag `rare`, and `OWNED` belong to `owner`. Without `pages` the timeline and the profiles stay empty.
    """
    connection = await asyncpg.connect(owner_url)
    details = (KEYS, TIMELINE, ITEMS) if pages else ()
    try:
        await connection.execute(PLACES.replace("$1", f"'{branches}'"))
        for first in range(1, customers + 1, STEP):
            last = min(first + STEP - 1, customers)
            await connection.execute(
                CUSTOMERS, first, last, max(customers // RARE, 4), max(customers // OWNED, 6), owner
            )
            for statement in details:
                await connection.execute(statement, first, last)
        for table in ("customers", "customer_keys", "timeline", "profile_items"):
            await connection.execute(f"VACUUM ANALYZE {table}")
    finally:
        await connection.close()


def key_of(number: int) -> str:
    return str(uuid.UUID(int=number))


async def value(url: str, sql: str, *arguments: Any) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()

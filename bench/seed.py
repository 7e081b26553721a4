"""Customers to read, made by SQL in the database itself: as plausible as speed needs, not more."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg

CUSTOMERS = """
INSERT INTO customers (id, kind, display_name, given_name, family_name, identifiers, addresses, status, value_class,
    industry, region, source, tags, language_code, time_zone, key_account, note, owner_id, branch_id, branch_path,
    custom, sort_key, search_tokens, merged_ids, version, create_time, update_time)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'person', 'Customer ' || n, 'Customer', n::text,
    jsonb_build_array(jsonb_build_object('kind', 'phone', 'value', '1' || lpad(n::text, 10, '0'), 'label', '',
        'primary', true)),
    jsonb_build_array(jsonb_build_object('lines', jsonb_build_array('Road ' || n % 900), 'city', 'Shanghai',
        'region', '', 'postal_code', '200000', 'country', 'CN')),
    'potential', 'b', 'retail', 'Shanghai', 'web', ARRAY['new'], 'zh-CN', '', false, '', u.id, u.branch_id, b.path,
    '{}', 'customer ' || n, ARRAY['customer', n::text], '{}', 1,
    now() - n * interval '1 second', now() - n * interval '1 second'
FROM generate_series($1::bigint, $2::bigint) n,
    (SELECT * FROM identity_users WHERE active LIMIT 1) u JOIN identity_branches b ON b.id = u.branch_id
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


async def fill(owner_url: str, customers: int) -> None:
    """`customers` records with a telephone number, ten timeline rows and three profile rows each."""
    connection = await asyncpg.connect(owner_url)
    try:
        for first in range(1, customers + 1, STEP):
            last = min(first + STEP - 1, customers)
            for statement in (CUSTOMERS, KEYS, TIMELINE, ITEMS):
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

"""The use case of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_customer.suggestions import queries
from taproot_customer.suggestions.kinds import Rule, faults
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag


async def update_rules(rules: Sequence[Rule], etag: str, work: UnitOfWork) -> Mapping[str, Any]:
    """Rules of kinds not named stay."""
    if wrong := faults(rules):
        raise InvalidArgument([(f"suggestion_rules.{path}", why) for path, why in wrong])
    stored = await queries.read_rules(work, locked=True)
    check_etag(etag, stored["version"])
    by_kind = {one["kind"]: one for one in stored["rules"]} | {rule.kind: asdict(rule) for rule in rules}
    changed = {
        "rules": list(by_kind.values()),
        "update_time": work.clock.now(),
        "version": stored["version"] + 1,
    }
    await queries.put_rules(work, changed)
    return changed

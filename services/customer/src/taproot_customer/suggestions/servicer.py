"""gRPC of the rules: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import suggestion_rule_pb2 as pb
from taproot.customer.v1 import suggestion_rule_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.settings import CustomerSettings
from taproot_customer.suggestions import handlers, messages, queries
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.updates import changed_fields

LOCK = lock_key("suggestion_rules", "only")
"""Before the first change there is no row to lock: two changes at once would not know of each other."""


class SuggestionRulesServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)

    async def GetSuggestionRules(
        self, _request: rpc.GetSuggestionRulesRequest, _context: Any
    ) -> pb.SuggestionRules:
        return await self.read(_rules)

    async def UpdateSuggestionRules(
        self, request: rpc.UpdateSuggestionRulesRequest, _context: Any
    ) -> pb.SuggestionRules:
        wanted = request.suggestion_rules
        changed_fields(wanted, request.update_mask)
        rules = messages.to_rules(wanted)

        async def act(work: UnitOfWork) -> pb.SuggestionRules:
            return messages.to_message(await handlers.update_rules(rules, wanted.etag, work))

        async def again(reader: Reader, _key: str) -> pb.SuggestionRules:
            return await _rules(reader)

        return await self.once(request, act, again, result_id=lambda _response: "rules", locks=[LOCK])


async def _rules(reader: Reader) -> pb.SuggestionRules:
    return messages.to_message(await queries.read_rules(reader))

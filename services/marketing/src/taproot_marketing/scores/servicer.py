"""gRPC of score rules and scores: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.marketing.v1 import customer_score_service_pb2 as rpc
from taproot.marketing.v1 import score_pb2 as pb
from taproot.marketing.v1 import score_rule_service_pb2 as rules
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_marketing.scores import handlers, messages, queries
from taproot_marketing.scores.model import ScoreRule
from taproot_marketing.scores.queries import RULES, SHELF
from taproot_marketing.settings import MarketingSettings
from taproot_records.mapping import message_of
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given, new_key
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists


class ScoreRulesServicer(ResourceServicer[pb.ScoreRule]):
    def __init__(self, runtime: Runtime[MarketingSettings]) -> None:
        super().__init__(runtime, RULES)

    async def GetScoreRule(self, request: rules.GetScoreRuleRequest, _context: Any) -> pb.ScoreRule:
        return await self.get(request.id)

    async def ListScoreRules(
        self, request: rules.ListScoreRulesRequest, _context: Any
    ) -> rules.ListScoreRulesResponse:
        return await self.page(request, rules.ListScoreRulesResponse, "score_rules")

    async def CreateScoreRule(self, request: rules.CreateScoreRuleRequest, _context: Any) -> pb.ScoreRule:
        async def act(work: UnitOfWork) -> pb.ScoreRule:
            key = await new_key(work, ScoreRule, request.score_rule.id)
            return messages.rule_message(
                await handlers.create_rule(key, given(request.score_rule, ScoreRule), work)
            )

        return await self.once(request, act, RULES.get)

    async def UpdateScoreRule(self, request: rules.UpdateScoreRuleRequest, _context: Any) -> pb.ScoreRule:
        rule = request.score_rule
        values = changes(rule, request.update_mask, ScoreRule)

        async def act(work: UnitOfWork) -> pb.ScoreRule:
            return messages.rule_message(await handlers.update_rule(rule.id, rule.etag, values, work))

        return await self.once(request, act, RULES.get)

    async def DeleteScoreRule(self, request: rules.DeleteScoreRuleRequest, _context: Any) -> pb.ScoreRule:
        async def act(work: UnitOfWork) -> pb.ScoreRule:
            return messages.rule_message(await handlers.delete_rule(request.id, request.etag, work))

        async def again(_reader: Reader, key: str) -> pb.ScoreRule:
            return pb.ScoreRule(id=key)

        return await self.once(request, act, again)

    async def GetScoreSettings(
        self, _request: rules.GetScoreSettingsRequest, _context: Any
    ) -> pb.ScoreSettings:
        return await self.read(_settings)

    async def UpdateScoreSettings(
        self, request: rules.UpdateScoreSettingsRequest, _context: Any
    ) -> pb.ScoreSettings:
        wanted = request.settings
        values = {"half_life_days": wanted.half_life_days, "hot_threshold": wanted.hot_threshold}

        async def act(work: UnitOfWork) -> pb.ScoreSettings:
            return messages.settings_message(await handlers.update_settings(values, wanted.etag, work))

        async def again(reader: Reader, _key: str) -> pb.ScoreSettings:
            return await _settings(reader)

        return await self.once(request, act, again, result_id=lambda _response: "settings")


async def _settings(reader: Reader) -> pb.ScoreSettings:
    row = await queries.settings(reader)
    return messages.settings_message(row) if row else pb.ScoreSettings(half_life_days=30, hot_threshold=100)


class CustomerScoresServicer(Servicer):
    def __init__(self, runtime: Runtime[MarketingSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetCustomerScore(self, request: rpc.GetCustomerScoreRequest, _context: Any) -> pb.CustomerScore:
        async def query(reader: Reader) -> pb.CustomerScore:
            row = await queries.get_score(reader, request.customer_id)
            message = message_of(pb.CustomerScore, row)
            return messages.fade_to(message, row, await queries.fading(reader), reader.clock.now())

        return await self.read(query)

    async def ListCustomerScores(
        self, request: rpc.ListCustomerScoresRequest, _context: Any
    ) -> rpc.ListCustomerScoresResponse:
        async def query(reader: Reader) -> rpc.ListCustomerScoresResponse:
            fading, now = await queries.fading(reader), reader.clock.now()
            rows, token = await SHELF.rows(reader, request, self._lists)
            found = [messages.fade_to(message_of(pb.CustomerScore, row), row, fading, now) for row in rows]
            return rpc.ListCustomerScoresResponse(customer_scores=found, next_page_token=token)

        return await self.read(query)

    async def AggregateCustomerScores(
        self, request: rpc.AggregateCustomerScoresRequest, _context: Any
    ) -> rpc.AggregateCustomerScoresResponse:
        async def query(reader: Reader) -> rpc.AggregateCustomerScoresResponse:
            return rpc.AggregateCustomerScoresResponse(rows=await SHELF.aggregate(reader, request))

        return await self.read(query)

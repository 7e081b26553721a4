"""The reason of a suggestion in words, Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

from taproot_customer.suggestions import kinds

# By kind, or kind and resource where it reads differently. `{span}`: the days in English.
_TEXTS: Mapping[str, tuple[str, str]] = {
    kinds.COMPLAINT: ("投诉 {number} 尚未解决", "Complaint {number} is open"),
    f"{kinds.PROMISE}:tasks": ("任务“{name}”已逾期 {days} 天", "The task “{name}” is {span} late"),
    f"{kinds.PROMISE}:tickets": ("工单 {name} 的承诺已逾期 {days} 天", "The promise of ticket {name} is {span} late"),
    kinds.INVOICE: ("逾期应收 {amount}，最久已逾期 {days} 天", "{amount} is overdue, the oldest for {span}"),
    kinds.EXPIRING: ("{name} 还有 {days} 天到期", "{name} ends in {span}"),
    kinds.SURVEY: ("{days} 天前的 {survey} 调查评分偏低：{score}", "Low {survey} score {score}, {span} ago"),
    kinds.QUOTE: ("报价 {number}（{amount}）发出 {days} 天未获答复", "Quote {number}, {amount}, without an answer for {span}"),
    kinds.CLOSING: ("商机 {name} 预计 {date} 成交", "{name} is to close on {date}"),
    kinds.BIRTHDAY: ("{name}：{date}（还有 {days} 天）", "{name} on {date}, in {span}"),
    kinds.DECIDER: ("尚不知道谁是决策人", "No decision maker is known"),
    kinds.SILENCE: ("已有 {days} 天没有联系", "No contact for {span}"),
    kinds.CONSENT: ("尚未征得营销许可", "Consent to marketing was never asked for"),
    kinds.CREDIT: ("信用额度尚余 {amount}，{days} 天内没有订单", "{amount} of the credit limit is free, and no order came for {span}"),
    kinds.CROSS_SELL: ("购买过“{owned}”的客户中有 {confidence}% 也购买了“{name}”（{customers} 位；支持度 {support}%，提升度 {lift}）", "{confidence}% of those who bought “{owned}” also bought “{name}” ({customers} customers; support {support}%, lift {lift})"),
}  # fmt: skip


def reason(kind: str, resource: str, figures: Mapping[str, str]) -> tuple[str, str]:
    zh, en = _TEXTS.get(kind) or _TEXTS[f"{kind}:{resource}"]
    days = figures.get("days", "")
    values = {**figures, "span": "1 day" if days == "1" else f"{days} days"}
    return zh.format(**values), en.format(**values)

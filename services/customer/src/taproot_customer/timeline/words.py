"""What the timeline says about each event: part of the relation and one line in Chinese and English.

`{name}` is a field of the event's record, `{detail.name}` one of another message of the event.
Event types without words are kept all the same and named by their type.
"""

from __future__ import annotations

from dataclasses import dataclass

RECORD, TOUCH, TASK, CARE, CONSENT, SALES = "record", "touch", "task", "care", "consent", "sales"
ORDER, FINANCE, SERVICE, MARKETING, LOYALTY = "order", "finance", "service", "marketing", "loyalty"


@dataclass(frozen=True)
class Words:
    kind: str
    zh: str
    en: str


_LINES: dict[str, tuple[tuple[str, str, str], ...]] = {
    RECORD: (
        ("customer.created", "建立客户档案", "Customer record created"),
        ("customer.updated", "更新客户资料", "Customer record updated"),
        ("customer.assigned", "客户移交新负责人", "Handed to another owner"),
        ("customer.classified", "客户等级变为 {loyalty_class}", "Loyalty class is now {loyalty_class}"),
        ("customer.recall_warned", "客户即将退回公海", "About to go back to the pool"),
        ("customer.deleted", "档案移入回收站或并入其他档案", "Record moved to the recycle bin or merged into another"),
        ("customer.undeleted", "档案恢复", "Record brought back"),
        ("customer.merged", "合并重复客户", "Duplicate records merged"),
        ("customer.unmerged", "撤销客户合并", "Merge undone"),
        ("customer.shared", "客户共享给其他人员、团队或分支", "Shared with others"),
        ("customer.unshared", "客户共享结束", "A share ended"),
        ("contact.created", "新增联系人 {display_name}", "Contact {display_name} added"),
        ("contact.updated", "更新联系人 {display_name}", "Contact {display_name} updated"),
        ("contact.deleted", "删除联系人 {display_name}", "Contact {display_name} deleted"),
        ("contact.undeleted", "恢复联系人 {display_name}", "Contact {display_name} brought back"),
        ("relationship.created", "关联客户 {related_display_name}", "Linked with {related_display_name}"),
        ("relationship.updated", "更新与 {related_display_name} 的关联", "Link with {related_display_name} updated"),
        ("attachment.created", "上传附件 {display_name}", "File {display_name} attached"),
        ("attachment.updated", "更新附件 {display_name}", "Attached file {display_name} updated"),
        ("attachment.deleted", "删除附件 {display_name}", "Attached file {display_name} deleted"),
        ("object.created", "新增{type}：{display_name}", "{type} added: {display_name}"),
        ("object.updated", "更新{type}：{display_name}", "{type} updated: {display_name}"),
        ("object.transitioned", "{type} {display_name} 变为 {state}", "{type} {display_name} is now {state}"),
        ("object.deleted", "删除{type}：{display_name}", "{type} deleted: {display_name}"),
        ("object.undeleted", "恢复{type}：{display_name}", "{type} brought back: {display_name}"),
        ("relationship.deleted", "解除与 {related_display_name} 的关联", "Link with {related_display_name} removed"),
    ),
    TOUCH: (
        ("activity.created", "{kind}：{display_name}", "{kind}: {display_name}"),
        ("activity.updated", "更新{kind}：{display_name}", "{kind} updated: {display_name}"),
        ("activity.completed", "完成{kind}：{display_name}，结果 {outcome}", "{kind} done: {display_name}, {outcome}"),
        ("activity.cancelled", "取消{kind}：{display_name}", "{kind} called off: {display_name}"),
        ("activity.commented", "主管点评：{display_name}", "Manager's remark on {display_name}"),
        ("activity.responded", "参与者答复：{kind} {display_name}", "A participant of {kind} {display_name} responded"),
        ("activity.reminded", "{kind}提醒：{display_name}", "{kind} reminder: {display_name}"),
        ("activity.split", "{kind}系列分段：{display_name}", "{kind} series split: {display_name}"),
        ("activity.deleted", "删除{kind}：{display_name}", "{kind} deleted: {display_name}"),
        ("activity.undeleted", "恢复{kind}：{display_name}", "{kind} brought back: {display_name}"),
    ),
    TASK: (
        ("task.created", "新任务：{display_name}", "Task set: {display_name}"),
        ("task.updated", "更新任务：{display_name}", "Task updated: {display_name}"),
        ("task.assigned", "任务转交：{display_name}", "Task handed over: {display_name}"),
        ("task.completed", "完成任务：{display_name}", "Task done: {display_name}"),
        ("task.reopened", "重开任务：{display_name}", "Task reopened: {display_name}"),
        ("task.reminded", "任务提醒：{display_name}", "Task reminder: {display_name}"),
        ("task.overdue", "任务逾期：{display_name}", "Task overdue: {display_name}"),
        ("task.skipped", "跳过一次任务：{display_name}", "Task left out once: {display_name}"),
        ("task.deleted", "删除任务：{display_name}", "Task deleted: {display_name}"),
        ("task.undeleted", "恢复任务：{display_name}", "Task brought back: {display_name}"),
    ),
    CARE: (
        ("care_date.created", "新增关怀日：{display_name}", "Date to remember: {display_name}"),
        ("care_date.updated", "更新关怀日：{display_name}", "Date to remember updated: {display_name}"),
        ("care_date.due", "{display_name}：{due.occurrence_date}", "{display_name} on {due.occurrence_date}"),
        ("care_date.cancelled", "取消关怀日：{display_name}", "Date to remember called off: {display_name}"),
        ("care_date.reopened", "恢复关怀日：{display_name}", "Date to remember active again: {display_name}"),
        ("care_date.ended", "关怀日失效：{display_name}", "Date to remember no longer holds: {display_name}"),
        ("care_date.deleted", "删除关怀日：{display_name}", "Date to remember deleted: {display_name}"),
        ("care_date.undeleted", "还原关怀日：{display_name}", "Date to remember brought back: {display_name}"),
    ),
    CONSENT: (
        ("consent.granted", "同意{purpose}（{channel}）", "Consent given: {purpose} by {channel}"),
        ("consent.withdrawn", "撤回同意：{purpose}（{channel}）", "Consent withdrawn: {purpose} by {channel}"),
        ("suppression.created", "地址列入退订名单", "Address put on the suppression list"),
        ("suppression.deleted", "地址移出退订名单", "Address taken off the suppression list"),
    ),
    SALES: (
        ("lead.created", "新线索：{display_name}，来源 {source}", "Lead captured: {display_name}, from {source}"),
        ("lead.updated", "更新线索：{display_name}", "Lead updated: {display_name}"),
        ("lead.assigned", "线索已分配：{display_name}", "Lead assigned: {display_name}"),
        ("lead.accepted", "线索已接收：{display_name}", "Lead accepted: {display_name}"),
        ("lead.verified", "线索已核实：{display_name}", "Lead verified: {display_name}"),
        ("lead.feedback_given", "线索反馈：{display_name}", "Feedback on lead {display_name}"),
        ("lead.feedback_due_soon", "线索反馈即将到期：{display_name}", "Feedback due soon: {display_name}"),
        ("lead.feedback_overdue", "线索反馈逾期：{display_name}", "Feedback overdue: {display_name}"),
        ("lead.recalled", "线索已收回：{display_name}", "Lead recalled: {display_name}"),
        ("lead.converted", "线索已转化：{display_name}", "Lead converted: {display_name}"),
        ("lead.disqualified", "线索无效：{display_name}", "Lead disqualified: {display_name}"),
        ("opportunity.created", "新商机：{display_name}，金额 {amount}", "Opportunity {display_name}, {amount}"),
        ("opportunity.updated", "更新商机：{display_name}", "Opportunity updated: {display_name}"),
        ("opportunity.assigned", "商机移交：{display_name}", "Opportunity handed over: {display_name}"),
        ("opportunity.stage_moved", "商机 {display_name} 进入阶段 {stage}", "{display_name} moved to stage {stage}"),
        ("opportunity.won", "赢单：{display_name}，金额 {amount}", "Won: {display_name}, {amount}"),
        ("opportunity.lost", "丢单：{display_name}，原因 {loss_reason}", "Lost: {display_name}, {loss_reason}"),
        ("opportunity.reopened", "重开商机：{display_name}", "Opportunity reopened: {display_name}"),
        ("opportunity.stalled", "商机停滞：{display_name}", "Opportunity stalled: {display_name}"),
        ("quote.created", "报价 {number}，金额 {totals.total}", "Quote {number}, {totals.total}"),
        ("quote.updated", "更新报价 {number}", "Quote {number} updated"),
        ("quote.submitted", "报价 {number} 提交审批", "Quote {number} sent for approval"),
        ("quote.approved", "报价 {number} 已批准", "Quote {number} approved"),
        ("quote.sent", "报价 {number} 已发送", "Quote {number} sent"),
        ("quote.accepted", "客户接受报价 {number}", "Quote {number} accepted"),
        ("quote.rejected", "报价 {number} 被拒绝", "Quote {number} refused"),
        ("quote.expired", "报价 {number} 已过期", "Quote {number} expired"),
        ("quote.superseded", "报价 {number} 有新版本", "Quote {number} replaced by a newer version"),
        ("approval.requested", "提交审批：{display_name}", "Approval asked for: {display_name}"),
        ("approval.approved", "审批通过：{display_name}", "Approved: {display_name}"),
        ("approval.rejected", "审批驳回：{display_name}", "Refused: {display_name}"),
    ),
    ORDER: (
        ("order.created", "新订单 {number}，金额 {totals.total}", "Order {number} written, {totals.total}"),
        ("order.imported", "历史订单 {number}，金额 {totals.total}", "Past order {number}, {totals.total}"),
        ("order.updated", "更新订单 {number}", "Order {number} updated"),
        ("order.submitted", "提交订单 {number}", "Order {number} placed"),
        ("order.refused", "订单 {number} 被退回", "Order {number} sent back"),
        ("order.confirmed", "订单 {number} 已确认，金额 {totals.total}", "Order {number} confirmed, {totals.total}"),
        ("order.fulfilled", "订单 {number} 已发货", "Order {number} delivered"),
        ("order.cancelled", "订单 {number} 已取消", "Order {number} cancelled"),
        ("order.returned", "订单 {number} 退货", "Order {number} returned"),
        ("order.deleted", "删除订单草稿 {number}", "Draft order {number} deleted"),
        ("entitlement.created", "开通权益：{display_name}，至 {end_date}", "Entitlement {display_name}, until {end_date}"),
        ("entitlement.updated", "更新权益：{display_name}", "Entitlement updated: {display_name}"),
        ("entitlement.expiring", "权益将到期：{display_name}，{end_date}", "{display_name} ends on {end_date}"),
        ("entitlement.expired", "权益已到期：{display_name}", "Entitlement expired: {display_name}"),
        ("entitlement.revoked", "权益已撤销：{display_name}", "Entitlement revoked: {display_name}"),
    ),
    FINANCE: (
        ("invoice.created", "开具发票 {number}，金额 {total}", "Invoice {number}, {total}"),
        ("invoice.partly_paid", "发票 {number} 部分付款，未付 {open_amount}", "Invoice {number} partly paid, {open_amount} open"),
        ("invoice.paid", "发票 {number} 已付清", "Invoice {number} paid"),
        ("invoice.reopened", "发票 {number} 付款撤回", "Payment of invoice {number} taken back"),
        ("invoice.voided", "发票 {number} 作废", "Invoice {number} voided"),
        ("invoice.overdue", "发票 {number} 逾期，未付 {open_amount}", "Invoice {number} overdue, {open_amount} open"),
        ("payment.received", "收到付款 {amount}", "Payment of {amount} received"),
        ("payment.updated", "更新付款 {number}", "Payment {number} updated"),
        ("payment.allocated", "付款 {number} 已核销", "Payment {number} allocated"),
        ("payment.reversed", "付款 {number} 已冲销", "Payment {number} reversed"),
        ("credit_limit.changed", "信用额度调整为 {limit}", "Credit limit set to {limit}"),
        ("credit_limit.deleted", "取消信用额度", "Credit limit taken away"),
    ),
    SERVICE: (
        ("ticket.created", "新工单 {number}：{display_name}", "Ticket {number}: {display_name}"),
        ("ticket.updated", "更新工单 {number}", "Ticket {number} updated"),
        ("ticket.assigned", "工单 {number} 已分派", "Ticket {number} assigned"),
        ("ticket.commented", "工单 {number} 有新回复", "Reply on ticket {number}"),
        ("ticket.waiting", "工单 {number} 等待客户", "Ticket {number} waits for the customer"),
        ("ticket.resolved", "工单 {number} 已解决", "Ticket {number} resolved"),
        ("ticket.closed", "工单 {number} 已关闭", "Ticket {number} closed"),
        ("ticket.reopened", "工单 {number} 重新打开", "Ticket {number} reopened"),
        ("ticket.escalated", "工单 {number} 已升级", "Ticket {number} escalated"),
        ("ticket.merged", "工单 {number} 已合并", "Ticket {number} merged"),
        ("ticket.deleted", "删除工单 {number}", "Ticket {number} deleted"),
        ("call.started", "来电 {phone}", "Call {phone} rings"),
        ("call.answered", "接听 {phone}", "Call {phone} answered"),
        ("call.ended", "通话结束 {phone}，{talk_seconds} 秒", "Call {phone} ended, {talk_seconds} s"),
        ("call.updated", "更新通话记录", "Call record updated"),
        ("dispatch.offered", "派工：{display_name}", "Offered to a station: {display_name}"),
        ("dispatch.accepted", "网点接单：{display_name}", "Station took the job: {display_name}"),
        ("dispatch.refused", "网点拒单：{display_name}", "Station refused: {display_name}"),
        ("dispatch.timed_out", "网点超时未接单：{display_name}", "Station did not answer: {display_name}"),
        ("dispatch.done", "派工完成：{display_name}", "Job done: {display_name}"),
        ("dispatch.cancelled", "派工取消：{display_name}", "Job called off: {display_name}"),
        ("survey.sent", "发送满意度调查", "Survey sent"),
        ("survey.answered", "客户评分 {response.score}", "Customer rated {response.score}"),
        ("sla.warning", "时限预警", "Promise about to be broken"),
        ("sla.breached", "时限超期", "Promise broken"),
    ),
    MARKETING: (
        ("form.submitted", "提交表单：{form.display_name}", "Form sent in: {form.display_name}"),
        ("delivery.sent", "邮件已发送：{display_name}", "Mail sent: {display_name}"),
        ("delivery.bounced", "邮件退回：{display_name}", "Mail bounced: {display_name}"),
        ("delivery.suppressed", "未获同意，邮件未发：{display_name}", "Mail not sent for lack of consent: {display_name}"),
        ("delivery.uncertain", "邮件状态未知：{display_name}", "Fate of the mail unknown: {display_name}"),
        ("delivery.resolved", "邮件状态已确认：{display_name}", "Fate of the mail settled: {display_name}"),
        ("journey_run.started", "进入旅程：{display_name}", "Entered journey {display_name}"),
        ("journey_run.completed", "完成旅程：{display_name}", "Journey {display_name} completed"),
        ("journey_run.cancelled", "旅程取消：{display_name}", "Journey {display_name} stopped"),
        ("journey_run.failed", "旅程失败：{display_name}", "Journey {display_name} failed"),
        ("score.changed", "评分变为 {score.score}", "Score is now {score.score}"),
        ("score.hot", "高意向，评分 {score.score}", "Became hot, score {score.score}"),
        ("score.cooled", "意向降低，评分 {score.score}", "Cooled down, score {score.score}"),
        ("segment_member.entered", "进入细分：{segment_display_name}", "Entered segment {segment_display_name}"),
        ("segment_member.left", "离开细分：{segment_display_name}", "Left segment {segment_display_name}"),
    ),
    LOYALTY: (
        ("loyalty_account.created", "加入会员：{display_name}", "Joined {display_name}"),
        ("loyalty_account.earned", "获得积分 {transaction.points}，余额 {balance}", "Earned {transaction.points} points, balance {balance}"),
        ("loyalty_account.redeemed", "兑换积分，余额 {balance}", "Redeemed points, balance {balance}"),
        ("loyalty_account.adjusted", "积分调整，余额 {balance}", "Points adjusted, balance {balance}"),
        ("loyalty_account.tier_changed", "会员等级变为 {tier}", "Tier is now {tier}"),
    ),
}  # fmt: skip

WORDS: dict[str, Words] = {
    event: Words(kind, zh, en) for kind, lines in _LINES.items() for event, zh, en in lines
}

_ZH = {
    "call": "电话", "visit": "拜访", "meeting": "会议", "email": "邮件", "note": "备注", "sms": "短信", "phone": "电话",
    "letter": "信函", "message": "即时消息", "marketing": "营销", "survey": "调查", "service": "服务",
}  # fmt: skip
TRANSLATED = frozenset({"kind", "channel", "purpose"})


def render(event_type: str, params: dict[str, str]) -> tuple[str, str]:
    """The line in Chinese and in English; the event's type where there are no words for it."""
    words = WORDS.get(event_type)
    if words is None:
        return event_type, event_type
    chinese = {key: _ZH.get(value, value) if key in TRANSLATED else value for key, value in params.items()}
    return _fill(words.zh, chinese), _fill(words.en, params)


def _fill(template: str, params: dict[str, str]) -> str:
    for name, value in params.items():
        template = template.replace(f"{{{name}}}", value)
    return template

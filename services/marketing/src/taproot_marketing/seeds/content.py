"""The ready-made templates and journeys. Every one may be changed, paused or archived by the enterprise."""

from __future__ import annotations

from typing import Any

GREETING_ZH = '{{ customer.display_name | fallback("客户") }}，您好：'
GREETING_EN = 'Dear {{ customer.display_name | fallback("customer") }},'


def _content(language: str, subject: str, *lines: str) -> dict[str, Any]:
    paragraphs = "".join(f"<p>{line}</p>" for line in lines)
    return {"language_code": language, "subject": subject, "text": "\n\n".join(lines), "html": paragraphs}


TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "key": "entitlement_ending",
        "display_name": "到期提醒 / Ending soon",
        "message_class": "service",
        "contents": [
            _content(
                "zh-CN",
                "{{ entitlement.display_name }} 将于 {{ entitlement.end_date }} 到期",
                GREETING_ZH,
                "您的 {{ entitlement.display_name }} 将于 {{ entitlement.end_date }} 到期。如需续期，请直接联系您的客户经理。",
            ),
            _content(
                "en",
                "{{ entitlement.display_name }} ends on {{ entitlement.end_date }}",
                GREETING_EN,
                "your {{ entitlement.display_name }} ends on {{ entitlement.end_date }}. Your account manager will gladly renew it.",
            ),
        ],
    },
    {
        "key": "survey_invitation",
        "display_name": "满意度调查 / Survey",
        "message_class": "service",
        "contents": [
            _content(
                "zh-CN",
                "请为我们的服务打分",
                GREETING_ZH,
                "请用一分钟评价我们的服务：{{ public_url }}/survey/{{ event.invitation.token }}",
            ),
            _content(
                "en",
                "How did we do?",
                GREETING_EN,
                "please take a minute to rate our service: {{ public_url }}/survey/{{ event.invitation.token }}",
            ),
        ],
    },
    {
        "key": "welcome",
        "display_name": "首单欢迎 / Welcome",
        "message_class": "marketing",
        "contents": [
            _content(
                "zh-CN",
                "感谢您的首次订购",
                GREETING_ZH,
                "感谢您的首个订单 {{ event.number | fallback('') }}，欢迎成为我们的客户。",
            ),
            _content(
                "en",
                "Thank you for your first order",
                GREETING_EN,
                "thank you for your first order {{ event.number | fallback('') }}. Welcome!",
            ),
        ],
    },
    {
        "key": "confirm_submission",
        "display_name": "确认邮箱 / Confirm your address",
        "message_class": "transactional",
        "contents": [
            _content(
                "zh-CN",
                "请确认您的邮箱地址",
                "{{ submission.name | fallback('客户') }}，您好：",
                "请点击确认：{{ public_url }}/confirm/{{ submission.token }}（7 天内有效）。如非本人操作，请忽略。",
            ),
            _content(
                "en",
                "Please confirm your e-mail address",
                "Dear {{ submission.name | fallback('visitor') }},",
                "please confirm: {{ public_url }}/confirm/{{ submission.token }} (within 7 days). If it was not you, ignore this mail.",
            ),
        ],
    },
)

JOURNEYS: tuple[dict[str, Any], ...] = (
    {
        "key": "entitlement_ending",
        "display_name": "到期前 30 天提醒 / Ending in 30 days",
        "description": "Mails every customer once, 30 days before a licence, trial, warranty or service contract ends.",
        "template": "entitlement_ending",
        "trigger": {"date": {"field": "entitlement_end", "days_before": 30}},
    },
    {
        "key": "survey_invitation",
        "display_name": "满意度调查邮件 / Survey mail",
        "description": "Mails the link of every survey that is sent.",
        "template": "survey_invitation",
        "trigger": {"event": {"event_type": "survey.sent"}},
    },
    {
        "key": "welcome",
        "display_name": "首单欢迎邮件 / Welcome mail",
        "description": "Mails every customer once, on the first confirmed order.",
        "template": "welcome",
        "trigger": {"event": {"event_type": "order.confirmed", "once_per_customer": True}},
    },
)

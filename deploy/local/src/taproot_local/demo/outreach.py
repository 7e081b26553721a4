"""How the demo enterprise speaks to people: form, templates, journeys, segments, scores, points."""

from __future__ import annotations

from typing import Any

from taproot_local.demo.keys import key

Json = dict[str, Any]

FORM_ID = key("form", "contact")
PROGRAM_ID = key("program", "club")
WON_SEGMENT_ID = key("segment", "won")
WEB_SEGMENT_ID = key("segment", "from-the-web")
CURRENCY = "CNY"
AMOUNT_PER_POINT = 100
REMINDER = "entitlement_ending"


def form() -> Json:
    return {
        "id": FORM_ID,
        "display_name": "官网咨询 Website enquiry",
        "required_fields": ["name", "phone", "email"],
        "title": {"zh": "联系我们", "en": "Contact us"},
        "thank_you": {"zh": "谢谢，我们会尽快联系您。", "en": "Thank you. We will be in touch soon."},
        "consent_text": {
            "zh": "我同意青禾仪器通过电子邮件向我发送产品信息，可随时退订。",
            "en": "Qinghe Instruments may send me product news by e-mail; I can unsubscribe at any time.",
        },
        "hourly_limit": 10000,
    }


def templates() -> list[Json]:
    return [
        {
            "id": key("template", "quarterly"),
            "key": "quarterly_news",
            "display_name": "季度通讯 Quarterly news",
            "message_class": "MESSAGE_CLASS_MARKETING",
            "contents": [
                {
                    "language_code": "zh-CN",
                    "subject": "青禾仪器季度通讯",
                    "text": '{{ customer.display_name | fallback("客户") }}，您好：\n\n本季度新品与培训安排，请见官网。',
                },
                {
                    "language_code": "en",
                    "subject": "News from Qinghe Instruments",
                    "text": 'Dear {{ customer.display_name | fallback("customer") }},\n\nnew instruments and courses of this quarter are on our website.',
                },
            ],
        }
    ]


def journeys() -> list[Json]:
    """A draft, to look at and change: what runs is planted by the service itself."""
    steps = [
        {"key": "wait", "display_name": "等一周 Wait a week", "wait": {"duration": "604800s"}},
        {
            "key": "large",
            "display_name": "A 类？ Class A?",
            "branch": {"filter": 'customer.value_class = "A"', "then_step": "call", "else_step": "mail"},
        },
        {"key": "call", "display_name": "回访 Call", "next_step": "end", "task": {"title": "回访 {{ customer.display_name }}", "due_days": 3}},
        {"key": "mail", "display_name": "邮件 Mail", "send": {"template_id": key("template", "quarterly")}},
    ]  # fmt: skip
    return [
        {
            "id": key("journey", "after-delivery"),
            "key": "after_delivery",
            "display_name": "交付回访 After delivery",
            "description": "A week after a delivery: class A customers are called, the others get a mail.",
            "trigger": {"event": {"event_type": "order.fulfilled"}},
            "steps": steps,
        }
    ]


def score_rules() -> list[Json]:
    rules = (
        ("form", "官网咨询 Enquiry with consent", "form.consent_captured", 20),
        ("order", "下单 Order confirmed", "order.confirmed", 40),
        ("paid", "付款 Payment", "payment.received", 20),
        ("ticket", "服务请求 Ticket", "ticket.created", -5),
    )
    return [
        {"id": key("score", name), "display_name": title, "event_type": event, "points": points}
        for name, title, event, points in rules
    ]


def loyalty_program() -> Json:
    return {
        "id": PROGRAM_ID,
        "display_name": "青禾会 Qinghe Club",
        "amount_per_point": str(AMOUNT_PER_POINT),
        "currency_code": CURRENCY,
        "auto_join": True,
        "tiers": [{"name": "silver", "min_points": "1000"}, {"name": "gold", "min_points": "5000"}],
    }


def segments() -> list[Json]:
    def segment(identity: str, title: str, condition: str) -> Json:
        return {"id": identity, "display_name": title, "kind": "SEGMENT_KIND_DYNAMIC", "filter": condition}

    return [
        segment(WON_SEGMENT_ID, "成交客户 Customers who bought", "status = WON"),
        segment(WEB_SEGMENT_ID, "网站来源 From the website", 'source = "web_form"'),
        segment(key("segment", "class-a"), "A 类客户 Class A", 'value_class = "A"'),
        segment(key("segment", "key-accounts"), "大客户 Key accounts", "key_account = true"),
    ]

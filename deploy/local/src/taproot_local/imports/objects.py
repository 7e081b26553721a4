"""What rows of a file can become beside customers: fields, what columns for them are called, and how values are spelt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Field:
    """`path`: in the body, with dots. `names`: of columns, in lower case. `choices`: value of the API -> spellings."""

    path: str
    names: str
    type: str = "text"
    choices: Mapping[str, str] = field(default_factory=dict)
    required: bool = False
    default: str = ""


@dataclass(frozen=True)
class Object:
    """`into`: resource. `keys`: names of the column that tells rows apart. `existing`: filter, with the system's name."""

    into: str
    keys: str
    fields: tuple[Field, ...]
    constants: Mapping[str, str] = field(default_factory=dict)
    key_field: str = "external_id"
    customer: str = ""
    """`required`, `optional`, or empty when it has none."""
    contact: bool = False
    owner: bool = True

    def existing(self, system: str) -> str:
        return f'external_id = "{system}:*"' if self.key_field == "external_id" else ""


_SOURCE = Field("source", "source|lead source|original source|channel|lead origin|来源|线索来源|渠道")
_REGION = Field("region", "region|territory|sales region|state|state region|province|地区|区域|省份|大区")
PRODUCT_NAMES = (
    "product|product name|product id|product code|sku|product purchased|item|产品|产品名称|产品编号|商品"
)

OBJECTS: dict[str, Object] = {
    "leads": Object(
        "leads",
        "lead id|id|prospect id|lead number|record id|external id|线索编号|编号",
        (
            Field("display_name", "lead|lead name|title|subject|topic|线索|线索名称"),
            Field("name", "name|full name|contact|contact name|person|first name+last name|姓名|联系人|客户姓名"),
            Field("company", "company|company name|account|account name|organization|organisation|公司|公司名称|单位|企业名称"),
            Field("phone", "phone|phone number|mobile|mobile phone|telephone|tel|cell|电话|手机|手机号|联系电话"),
            Field("email", "email|e mail|email address|mail|邮箱|电子邮箱"),
            _REGION,
            Field("product_interest", "product interest|interest|specialization|product|产品|意向产品|感兴趣的产品"),
            _SOURCE,
            Field("message", "message|notes|note|description|comments|comment|remarks|留言|备注|描述"),
            Field("estimated_amount", "amount|value|estimated value|budget|deal value|金额|预算|预计金额", "money"),
            Field(
                "urgency",
                "urgency|priority|紧急程度|优先级",
                "choice",
                {
                    "LEAD_URGENCY_LOW": "low|低", "LEAD_URGENCY_NORMAL": "normal|medium|中|普通",
                    "LEAD_URGENCY_HIGH": "high|高", "LEAD_URGENCY_IMMEDIATE": "urgent|immediate|critical|紧急",
                },
            ),
        ),
    ),
    "opportunities": Object(
        "opportunities",
        "deal id|opportunity id|id|record id|external id|opportunity number|商机编号|编号",
        (
            Field("display_name", "deal name|opportunity name|opportunity|deal|name|title|商机名称|商机|名称", required=True),
            Field(
                "stage",
                "deal stage|stage|opportunity stage|sales stage|status|state|阶段|商机阶段|销售阶段",
                "choice",
                {
                    "prospecting": "prospecting|appointment scheduled|new|qualification|discovery|lead|初步接触|线索",
                    "engaging": "engaging|qualified to buy|qualified|presentation scheduled|needs analysis|demo|需求确认",
                    "proposal": "proposal|proposal made|quote|quotation|value proposition|proposal price quote|方案报价|报价",
                    "negotiation": (
                        "negotiation|decision maker bought in|contract sent|negotiation review|perception analysis|谈判|合同审批"
                    ),
                    "won": "won|closed won|win|closed won deal|赢单|成交",
                    "lost": "lost|closed lost|lose|输单|丢单|流失",
                },
            ),
            Field("amount", "amount|deal value|value|close value|deal amount|opportunity amount|金额|商机金额|预计金额", "money"),
            Field("expected_close_date", "expected close date|close date|closing date|预计成交日期|成交日期", "date"),
            Field("close_time", "close date|closed date|actual close date|成交日期|关闭日期", "timestamp"),
            Field("open_time", "create date|created date|engage date|open date|created|created at|创建日期|创建时间", "timestamp"),
            Field("next_step", "next step|下一步"),
            _SOURCE,
            _REGION,
        ),
        customer="optional",
        contact=True,
    ),
    "tickets": Object(
        "tickets",
        "ticket id|ticket number|case number|case id|complaint id|incident id|number|id|record id|external id|工单编号|编号",
        (
            Field(
                "display_name", "ticket name|subject|ticket subject|title|issue|summary|name|工单标题|标题|主题", required=True
            ),
            Field("description", "ticket description|description|details|body|message|complaint|描述|问题描述|内容"),
            Field(
                "kind",
                "ticket type|type|kind|case type|类型|工单类型",
                "choice",
                {
                    "TICKET_KIND_INCIDENT": "incident|problem|technical issue|bug|故障|事件",
                    "TICKET_KIND_COMPLAINT": "complaint|refund request|投诉",
                    "TICKET_KIND_REPAIR": "repair|维修",
                    "TICKET_KIND_SUGGESTION": "suggestion|feature request|建议",
                    "TICKET_KIND_DISPUTE": "dispute|争议",
                    "TICKET_KIND_INQUIRY": (
                        "inquiry|question|enquiry|request|service request|billing inquiry|product inquiry|"
                        "cancellation request|task|咨询"
                    ),
                },
                default="TICKET_KIND_INQUIRY",
            ),
            Field(
                "state",
                "ticket status|status|state|case status|incident state|状态|工单状态",
                "choice",
                {
                    "TICKET_STATE_NEW": "new|新建",
                    "TICKET_STATE_OPEN": "open|active|in progress|waiting on us|reopened|assigned|处理中|进行中",
                    "TICKET_STATE_WAITING": (
                        "waiting|pending|waiting on contact|waiting on customer|awaiting user info|on hold|"
                        "pending customer response|等待客户|待回复"
                    ),
                    "TICKET_STATE_RESOLVED": "resolved|solved|done|已解决",
                    "TICKET_STATE_CLOSED": "closed|complete|completed|cancelled|已关闭|关闭",
                },
            ),
            Field(
                "priority",
                "ticket priority|priority|severity|优先级",
                "choice",
                {
                    "TICKET_PRIORITY_LOW": "low|minor|p4|4 low|低",
                    "TICKET_PRIORITY_NORMAL": "normal|medium|moderate|p3|3 moderate|中|普通",
                    "TICKET_PRIORITY_HIGH": "high|major|p2|2 high|高",
                    "TICKET_PRIORITY_CRITICAL": "critical|urgent|p1|1 critical|紧急",
                },
            ),
            Field("channel", "channel|ticket channel|ticket source|source|submitted via|contact type|渠道|来源"),
            Field("resolution", "resolution|resolution notes|solution|company response consumer|解决方案|处理结果"),
            Field("open_time", "create date|created date|created at|created|opened at|date received|创建时间|创建日期", "timestamp"),
            Field("first_response_time", "first response time|first response|首次响应时间", "timestamp"),
            Field("resolve_time", "resolved at|resolved date|resolve time|time to resolution|解决时间", "timestamp"),
            Field("close_time", "close date|closed date|closed at|closed|关闭时间|关闭日期", "timestamp"),
            Field("product_code", PRODUCT_NAMES),
            Field("region", "region|territory|state|地区|区域"),
        ),
        customer="optional",
        contact=True,
    ),
    "products": Object(
        "products",
        "product code|code|sku|stock code|product id|item code|item number|article number|part number|id|product|产品编号|编号|编码|货号",
        (
            Field("display_name", "product name|name|product|title|item|item name|产品名称|名称|品名|商品名称", required=True),
            Field("name_en", "english name|name en|英文名称"),
            Field("name_zh", "chinese name|name zh|中文名称"),
            Field("category", "category|category name|series|product line|product category|group|类别|分类|品类|系列"),
            Field("unit", "unit|unit of measure|uom|单位"),
            Field("description", "description|details|quantity per unit|描述|说明|规格"),
            Field("list_price", "price|list price|unit price|sales price|价格|单价|标价", "money"),
            Field("discontinued", "discontinued|inactive|停产", "boolean"),
        ),
        key_field="code",
        owner=False,
    ),
    "activities": Object(
        "activities",
        "activity id|id|record id|engagement id|活动编号|编号",
        (
            Field(
                "kind",
                "activity type|type|kind|engagement type|类型|活动类型|跟进方式",
                "choice",
                {
                    "ACTIVITY_KIND_CALL": "call|phone|phone call|outbound call|inbound call|电话|通话",
                    "ACTIVITY_KIND_VISIT": "visit|site visit|on site|拜访|上门",
                    "ACTIVITY_KIND_MEETING": "meeting|appointment|demo|event|会议|会面",
                    "ACTIVITY_KIND_EMAIL": "email|e mail|mail|邮件",
                    "ACTIVITY_KIND_NOTE": "note|task|to do|todo|other|记录|备注|任务",
                },
                default="ACTIVITY_KIND_NOTE",
            ),
            Field(
                "display_name", "subject|title|call meeting title subject|activity name|name|summary|主题|标题|名称", required=True
            ),
            Field("body", "notes description|notes|description|body|details|content|comments|内容|描述|跟进内容|备注"),
            Field("outcome", "outcome|call outcome|result|meeting outcome|结果|跟进结果"),
            Field("start_time", "activity date|date|start time|start date|timestamp|time|日期|时间|活动时间|跟进时间", "timestamp"),
            Field("place", "place|location|地点"),
        ),
        key_field="",
        customer="required",
        contact=True,
    ),
    "contacts": Object(
        "contacts",
        "contact id|id|record id|external id|联系人编号|编号",
        (
            Field("display_name", "name|full name|contact name|contact|display name|姓名|联系人|联系人姓名"),
            Field("given_name", "first name|given name|firstname|名"),
            Field("family_name", "last name|family name|surname|lastname|姓"),
            Field("job_title", "job title|title|contact title|position|role|职位|职务|职称"),
            Field("department", "department|部门"),
            Field("identifiers.IDENTIFIER_KIND_EMAIL", "email|e mail|email address|email work|work email|邮箱|电子邮箱"),
            Field(
                "identifiers.IDENTIFIER_KIND_PHONE",
                "phone|phone number|mobile|mobile phone|mobile phone number|phone work|work phone|电话|手机|手机号|联系电话",
                "phone",
            ),
            Field("birth_date", "birthday|birth date|date of birth|dob|生日|出生日期", "date"),
            Field("note", "note|notes|background|description|comments|备注|描述"),
        ),
        key_field="",
        customer="required",
        owner=False,
    ),
}  # fmt: skip

# Columns that name the customer, by what kind of key is in them, the surest first.
CUSTOMER_NAMES = {
    "external": "customer id|account id|company id|client id|organization id|associated company id|客户编号|客户号|公司编号",
    "domain": "associated company domain|company domain|company domain name|domain|website domain|域名",
    "email": "customer email|associated contact email|contact email|customer e mail|client email|email|客户邮箱|邮箱",
    "name": "account|account name|customer|customer name|company|company name|client|client name|associated company|客户|客户名称|公司|公司名称",
}
OWNER_NAMES = (
    "owner|owner email|deal owner|ticket owner|activity owner|contact owner|opportunity owner|sales agent|sales rep|"
    "assigned to|agent|负责人|销售员|跟进人|处理人"
)

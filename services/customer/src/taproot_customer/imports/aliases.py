"""What columns are called in the files people have, and the field each name stands for."""

from __future__ import annotations

from taproot_customer.imports import languages
from taproot_customer.imports.headers import plain_header

NAMES: dict[str, str] = {
    "display_name": (
        "name|full name|customer|customer name|client|client name|account|account name|company|company name|organisation|"
        "organization|organization name|organisation name|business|business name|site name|display name|legal name|"
        "legal entity name|entity name|trading name|supplier name|vendor name|partner name|member name|lead name|"
        "billing company|shipping company|patient name|guest name|student name|employee name|store name|shop name|school name|姓名|名称|客户|客户名称|客户名|"
        "客户姓名|公司|公司名称|公司全称|公司名|企业名称|企业名|单位名称|全称|会员姓名|会员名称|机构名称|商户名称|店铺名称|门店名称|"
        "供应商名称|经销商名称|学生姓名|患者姓名|员工姓名"
    ),
    "given_name": "first name|given name|firstname|forename|fname|contact first name|名|名字",
    "family_name": "last name|family name|surname|lastname|lname|contact last name|姓|姓氏",
    "kind": "kind|customer type|type of customer|account type|company type|客户类型|客户性质",
    "phone": (
        "phone|telephone|tel|tel no|phone no|telephone no|telephone number|tel number|phone number|contact phone|contact number|"
        "contact no|business phone|main phone|phone work|work phone|primary phone|company phone|company main phone|"
        "phone value|office phone|daytime phone|客户电话|公司电话|电话|联系电话|电话号码|联系方式|固定电话|座机|办公电话"
    ),
    "phone.mobile": (
        "mobile|mobile phone|mobile number|mobile no|home mobile|phone mobile|cell|cell phone|cellphone|cell number|"
        "mobile phone number|手机|手机号|手机号码|移动电话|联系手机"
    ),
    "phone.home": "home phone|phone home|phone private|home telephone|家庭电话|住宅电话",
    "phone.fax": "fax|fax number|fax no|business fax|work fax|home fax|传真|传真号码",
    "phone.other": "other phone|phone other|alternate phone|alternative phone|备用电话",
    "email": (
        "email|e mail|mail|email address|e mail address|email addresses|emails|email id|email work|customer email|work email|"
        "business email|primary email|secondary email|e mail value|contact email|邮箱|电子邮箱|电子邮件|邮件|邮箱地址|联系邮箱|企业邮箱|工作邮箱|电邮"
    ),
    "email.home": "email home|home email|personal email|个人邮箱",
    "email.other": "email other|other email|alternate email|备用邮箱",
    "tax_number": (
        "tax number|tax id|tax no|vat|vat number|vat no|vat id|vat reg no|registration number|ein|uscc|税号|纳税人识别号|"
        "统一社会信用代码|社会信用代码|信用代码|组织机构代码|税务登记号|税务登记证号"
    ),
    "external": (
        "id|customer id|client id|account id|contact id|external id|customer number|customer no|customer code|client number|"
        "client no|client code|account number|account no|account code|prospect id|lead id|member id|member number|member no|"
        "membership number|user id|person id|patient id|student id|employee id|subscriber id|record id|rec id|unique id|uid|uuid|guid|"
        "编号|客户编号|客户号|客户代码|客户编码|客户id|会员号|会员编号|会员卡号|会员id|用户id|用户编号|学号|学生编号|学员编号|工号|员工编号|患者编号|病历号|车主编号|档案号|a股代码|股票代码|证券代码"
    ),
    "birth_date": "birthday|birth date|date of birth|born|dob|birthdate|d o b|生日|出生日期|出生年月|出生年月日",
    "address.lines": (
        "address|street|street address|street name|address 1|mailing street|billing street|business street|shipping street|"
        "mailing address|billing address|shipping address|postal address|business address|work address|office address|"
        "address line|address line 1|home street|home address|other street|extended address|po box|street number|"
        "house number|registered address|street road name|street name and number|区|区县|县区|县|所在区|所在区县|地址|详细地址|联系地址|通讯地址|注册地址|办公地址|单位地址|公司地址|收货地址|办公地点|住址|家庭住址|街道"
    ),
    "address.city": (
        "city|town|suburb|locality|mailing city|billing city|business city|work city|home city|location city|city town|"
        "post town|city town village locality|city id|城市|市|所在城市"
    ),
    "address.region": (
        "state|province|county|state region|mailing state|billing state|home state|work state|business state|state province|"
        "state code|province code|state id|address region|state county|省|省份|省市|所在省份|所在省"
    ),
    "address.postal_code": (
        "zip|zip code|postal code|postcode|post code|pin code|pincode|zip postal code|mailing zip|billing zip|"
        "mailing postal code|billing postal code|home zip|work zip|home zip code|work zip code|billing code|shipping code|邮编|邮政编码"
    ),
    "address.country": (
        "country|country region|home country|work country|mailing country|billing country|nation|country name|country code|country id|"
        "国家|国家地区|国籍"
    ),
    "status": "status|customer status|lifecycle stage|lead status|客户状态|状态",
    "value_class": "class|value class|customer class|abc|grade|等级|客户等级|价值等级|客户级别|级别",
    "industry": "industry|sector|line of business|industry sector|行业|一级行业|所属行业|行业类别|行业类型",
    "region": "region|sales region|territory|地区|区域|大区|销售区域|所属区域",
    "source": "source|lead source|customer source|channel|origin|original source|来源|客户来源|渠道|线索来源|来源渠道",
    "tags": "tags|labels|categories|group membership|groups|keywords|标签|客户标签|分组",
    "language_code": "language|preferred language|语言",
    "time_zone": "time zone|timezone|时区",
    "key_account": "key account|大客户|重点客户",
    "taproot_id": "taproot id",
    "note": "note|notes|remark|remarks|comment|comments|description|background|备注|说明|描述|客户备注",
    "parent.external": (
        "parent id|parent account id|parent company id|parent account number|parent customer id|上级客户编号|母公司编号"
    ),
    "parent.name": (
        "parent|parent account|parent company|parent name|parent account name|parent organization|parent organisation|"
        "subsidiary of|parent customer|related company|上级客户|上级公司|上级单位|母公司|所属集团"
    ),
    "external.domain": "domain|domain name|company domain|company domain name|email domain|域名|公司域名",
}  # fmt: skip
BY_NAME = {
    plain_header(alias): field
    for names in (languages.NAMES, NAMES)  # English and Chinese last: they decide
    for field, aliases in names.items()
    for alias in aliases.split("|")
}
GLUED = {alias.replace(" ", ""): field for alias, field in BY_NAME.items() if " " in alias}
FIELDS = frozenset(NAMES) - {"external.domain"} | {"parent.tax_number", "organization_name"}

# Names that are what a record is called only where nothing better is.
SECOND_NAMES = languages.CONTACTS | frozenset(
    [
        "contact name",
        "contact person",
        "contact",
        "person name",
        "user name",
        "username",
        "provider name",
        "facility name",
        "agency",
        "provider",
        "supplier",
        "vendor",
        "dealer name",
        "short name",
        "nickname",
        "english name",
        "联系人",
        "联系人姓名",
        "收货人",
        "收货人姓名",
        "联系人名称",
        "公司简称",
        "客户简称",
        "简称",
        "英文名称",
        "a股简称",
        "供应商",
        "经销商",
        "商户",
        "单位",
        "昵称",
    ]
)
# Numbers of organisations: the key of a file of organisations, the employer's in a file of persons.
EMPLOYER_KEYS = frozenset(
    [
        "company id",
        "organization id",
        "organisation id",
        "org id",
        "supplier id",
        "vendor id",
        "shipper id",
        "partner id",
        "business id",
        "company number",
        "company no",
        "公司id",
        "公司编号",
        "企业编号",
        "供应商编号",
    ]
)

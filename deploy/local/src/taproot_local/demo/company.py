"""The demo enterprise: an instrument maker with a head office, six branches and forty people."""

from __future__ import annotations

from dataclasses import dataclass, field

from taproot_local.demo.keys import key

PASSWORD = "taproot-demo"  # noqa: S105  # shown to everybody on purpose: demo accounts of a local installation
ENTERPRISE = "青禾仪器 / Qinghe Instruments"


@dataclass(frozen=True)
class Office:
    """A branch. `share` is how much of the business it does."""

    code: str
    name: str
    parent: str
    city: str
    regions: tuple[str, ...]
    share: int
    time_zone: str = "Asia/Shanghai"
    language: str = "zh-CN"
    country: str = "CN"
    currency: str = "CNY"
    phone: str = "+86 138"
    province: str = ""

    @property
    def id(self) -> str:
        return key("branch", self.code)

    @property
    def abroad(self) -> bool:
        return self.country != "CN"


OFFICES = (
    Office("sh", "上海分公司 Shanghai", "hq", "上海", ("华东", "上海", "Shanghai", "east"), 28, province="上海市"),
    Office("hz", "杭州分公司 Hangzhou", "sh", "杭州", ("浙江", "杭州", "Hangzhou"), 12, province="浙江省"),
    Office("bj", "北京分公司 Beijing", "hq", "北京", ("华北", "北京", "Beijing", "north"), 22, province="北京市"),
    Office("gz", "广州分公司 Guangzhou", "hq", "广州", ("华南", "广州", "Guangzhou", "south"), 18, province="广东省"),
    Office("cd", "成都分公司 Chengdu", "hq", "成都", ("西南", "成都", "Chengdu", "west"), 12, province="四川省"),
    Office(
        "hh", "Hamburg 汉堡分公司", "hq", "Hamburg", ("Europe", "欧洲", "Hamburg", "Germany"), 8,
        "Europe/Berlin", "en", "DE", "EUR", "+49 40", "Hamburg",
    ),
)  # fmt: skip
OFFICE = {office.code: office for office in OFFICES}


@dataclass(frozen=True)
class Job:
    """A role of ours, beside those every installation starts with."""

    code: str
    name: str
    description: str
    grants: tuple[str, ...]
    scope: str = "DATA_SCOPE_ALL"

    @property
    def id(self) -> str:
        return key("role", self.code)


JOBS = (
    Job(
        "demo_operations", "Order desk 订单中心", "Reviews orders and records deliveries.",
        (
            "orders.read", "orders.update", "orders.confirm", "orders.fulfil", "orders.cancel", "orders.return",
            "customers.read", "products.read", "price_books.read", "invoices.read", "entitlements.read",
            "users.read", "branches.read", "teams.read",
        ),
    ),
    Job(
        "demo_finance", "Finance 财务", "Writes invoices, records payments, watches the accounts.",
        (
            "invoices.*", "payments.*", "statements.read", "credit_limits.*", "orders.read", "customers.read",
            "products.read", "users.read", "branches.read", "teams.read",
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Staff:
    """One person. `role` is the code of a role."""

    user_name: str
    name: str
    role: str
    office: str
    title: str
    language: str = "zh-CN"
    team: str = ""
    shown: bool = field(default=False)

    @property
    def id(self) -> str:
        return key("user", self.user_name)


HEAD = (
    Staff("linzhiyuan", "林志远", "head_office_manager", "hq", "总经理 General manager", shown=True),
    Staff("guxin", "顾欣", "marketer", "hq", "市场专员 Marketer", shown=True),
    Staff("tina.brandt", "Tina Brandt", "marketer", "hq", "Campaign manager", "en"),
    Staff("shenmin", "沈敏", "demo_operations", "hq", "订单中心 Order desk", shown=True),
    Staff("caijing", "蔡静", "demo_finance", "hq", "财务 Accountant", shown=True),
    Staff("weiran", "魏然", "auditor", "hq", "审计 Auditor", shown=True),
    Staff("pengfei", "彭飞", "agent", "hq", "客服主管 Head of service"),
)
_PEOPLE = {
    "sh": (
        ("chenlan", "陈兰"), ("wanghao", "王浩"), ("zhouyuqing", "周雨晴"), ("xujiahui", "徐嘉慧"), ("sunmei", "孙梅"),
        ("maxiaodong", "马晓东"),
    ),
    "hz": (("yeqiu", "叶秋"), ("shaoting", "邵婷"), ("tangwei", "汤伟"), ("luyao", "陆瑶"), ("jiangnan", "江楠")),
    "bj": (
        ("zhaogang", "赵刚"), ("liuyang", "刘洋"), ("hanxue", "韩雪"), ("fengbo", "冯博"), ("duanli", "段丽"),
        ("qinyue", "秦月"),
    ),
    "gz": (
        ("huangkai", "黄凯"), ("liangjing", "梁静"), ("hexin", "何欣"), ("luozhi", "罗志"), ("tanling", "谭玲"),
        ("ouyangrui", "欧阳睿"),
    ),
    "cd": (("hedan", "贺丹"), ("tangyu", "唐宇"), ("jiangming", "蒋明"), ("luoxia", "罗霞"), ("baiyun", "白云")),
    "hh": (
        ("henrik.vogel", "Henrik Vogel"), ("greta.lindqvist", "Greta Lindqvist"), ("paul.okafor", "Paul Okafor"),
        ("ines.rossi", "Ines Rossi"), ("jonas.petersen", "Jonas Petersen"),
    ),
}  # fmt: skip
_PLACES = (
    ("branch_manager", "分公司经理 Branch manager"),
    ("sales_rep", "销售工程师 Sales engineer"),
    ("sales_rep", "销售工程师 Sales engineer"),
    ("sales_rep", "大客户经理 Key account manager"),
    ("agent", "客服工程师 Service engineer"),
    ("agent", "客服工程师 Service engineer"),
)


def _office_staff(code: str) -> list[Staff]:
    language = "en" if OFFICE[code].abroad else "zh-CN"
    found = []
    for number, ((user_name, name), (role, title)) in enumerate(zip(_PEOPLE[code], _PLACES, strict=False)):
        team = f"{code}-sales" if role == "sales_rep" else f"{code}-service" if role == "agent" else ""
        found.append(
            Staff(user_name, name, role, code, title, language, team, code == "sh" and number in {0, 1, 4})
        )
    return found


STAFF = (*HEAD, *(person for office in OFFICES for person in _office_staff(office.code)))
BY_NAME = {person.user_name: person for person in STAFF}


def team_id(name: str) -> str:
    return key("team", name)


def sellers(office: str) -> list[Staff]:
    return [person for person in STAFF if person.office == office and person.role == "sales_rep"]


def agents(office: str) -> list[Staff]:
    return [person for person in STAFF if person.office == office and person.role == "agent"]


def manager(office: str) -> Staff:
    return next(person for person in STAFF if person.office == office and person.role == "branch_manager")

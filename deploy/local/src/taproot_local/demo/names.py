"""Believable names of people and companies, made from lists of parts."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

SURNAMES = (
    *"王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤",
    "欧阳",
    "上官",
    "司徒",
    "诸葛",
)
# Weights fall off: a handful of surnames covers a third of the people.
SURNAME_WEIGHTS = tuple(max(100 - 2 * rank, 4) for rank in range(len(SURNAMES)))
GIVEN_FIRST = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰文建国志红海晓春梅雪丹宇浩子欣雨佳嘉思梦一俊天泽"  # fmt: skip
GIVEN_SECOND = "伟芳敏静强磊洋艳杰涛明超霞平刚英华兰文国志红海峰燕玲飞鹏辉凯龙斌波宁轩涵怡萱琪瑶辰睿宸彤航妍然"  # fmt: skip

LATIN_GIVEN = (
    "Anna", "Ben", "Carla", "Daniel", "Elena", "Felix", "Greta", "Henrik", "Ines", "Jonas", "Katrin", "Lars",
    "Marta", "Niklas", "Olga", "Paul", "Rosa", "Stefan", "Tina", "Ulrich", "Vera", "Willem", "Yvonne", "Zoe",
    "Amelia", "Brandon", "Chloe", "Dylan", "Emma", "George", "Hannah", "Isaac", "Julia", "Kevin", "Laura", "Mason",
    "Nora", "Oscar", "Priya", "Quentin", "Rachel", "Samuel", "Teresa", "Victor", "Wendy", "Xavier", "Aisha", "Bruno",
)  # fmt: skip
LATIN_FAMILY = (
    "Albrecht", "Brandt", "Carlsen", "Dietrich", "Engel", "Fischer", "Graf", "Hoffmann", "Iversen", "Jansen",
    "Krüger", "Lindqvist", "Meyer", "Nowak", "Olsen", "Petersen", "Quist", "Richter", "Sørensen", "Thomsen",
    "Urban", "Vogel", "Weber", "Zimmermann", "Anderson", "Bennett", "Clarke", "Davies", "Edwards", "Foster",
    "Garcia", "Hughes", "Ivanova", "Jensen", "Kowalski", "Lopez", "Martin", "Novák", "Okafor", "Patel",
    "Quinn", "Rossi", "Silva", "Turner", "Varga", "Walker", "Young", "Dubois",
)  # fmt: skip

BRAND_FIRST = "华中新金恒宏瑞博创天海东盛信诚安康泰德正嘉远鼎凯科智云启明晟润"
BRAND_SECOND = "达通源泰兴隆业盛康和宇腾讯博威锐信联创拓普诺赛欧维睿捷丰泽润鑫"
TRADES = (
    ("生物科技", "biotechnology"), ("医药", "pharmaceuticals"), ("检测技术", "testing services"),
    ("新材料", "materials"), ("环保科技", "environment"), ("食品", "food"), ("化工", "chemicals"),
    ("半导体", "semiconductors"), ("精密仪器", "instruments"), ("医疗器械", "medical devices"),
    ("新能源", "energy"), ("信息技术", "information technology"), ("汽车零部件", "automotive"),
    ("教育科技", "education"), ("国际贸易", "trade"), ("建筑材料", "construction"),
)  # fmt: skip
FORMS = ("有限公司", "股份有限公司", "集团有限公司", "有限责任公司")
LATIN_BRANDS = (
    "Nordlicht", "Elbtal", "Hansa", "Alster", "Kiefer", "Brückner", "Silva", "Aurora", "Meridian", "Polaris",
    "Lumen", "Vertex", "Quartz", "Cobalt", "Summit", "Harbor", "Orchard", "Sterling", "Beacon", "Cedar",
)  # fmt: skip
LATIN_FORMS = ("GmbH", "AG", "B.V.", "Ltd", "ApS", "S.r.l.", "SAS", "Oy")
LATIN_TRADES = (
    "Analytik",
    "Laboratories",
    "Pharma",
    "Diagnostics",
    "Chemie",
    "Food Testing",
    "Materials",
    "Optics",
)


@dataclass(frozen=True)
class Person:
    family: str
    given: str
    latin: bool

    @property
    def display(self) -> str:
        return f"{self.given} {self.family}" if self.latin else f"{self.family}{self.given}"


@dataclass(frozen=True)
class Company:
    display: str
    industry: str


def chinese_person(random: Random) -> Person:
    family = random.choices(SURNAMES, SURNAME_WEIGHTS)[0]
    first = random.choice(GIVEN_FIRST)
    given = first if random.random() < 0.2 else first + random.choice(GIVEN_SECOND)
    return Person(family, given, latin=False)


def latin_person(random: Random) -> Person:
    return Person(random.choice(LATIN_FAMILY), random.choice(LATIN_GIVEN), latin=True)


def chinese_company(random: Random, city: str) -> Company:
    trade, industry = random.choice(TRADES)
    brand = random.choice(BRAND_FIRST) + random.choice(BRAND_SECOND)
    if random.random() < 0.35:
        brand += random.choice(BRAND_SECOND)
    return Company(f"{city}{brand}{trade}{random.choice(FORMS)}", industry)


def latin_company(random: Random) -> Company:
    trade = random.choice(LATIN_TRADES)
    name = f"{random.choice(LATIN_BRANDS)} {trade}"
    if random.random() < 0.4:
        name = f"{random.choice(LATIN_FAMILY)} & {random.choice(LATIN_FAMILY)} {trade}"
    return Company(f"{name} {random.choice(LATIN_FORMS)}", trade.lower())

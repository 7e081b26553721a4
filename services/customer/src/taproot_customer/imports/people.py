"""Whether the names of a column are those of persons, where nothing else in the file tells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from taproot_customer.matching.companies import COMMON_WORDS
from taproot_customer.matching.diminutives import given_names
from taproot_customer.matching.names import LATIN_FORMS, company_core, fold, has_chinese, word_list

# Given names in daily use that have no everyday form of their own.
_MORE = frozenset(
    word_list(
        "aaron adam adrian agnes aidan aisha alan alejandro alan alice alicia allen alma alvin amber amir amit amy ana "
        "andrea andreas angel anil anita antonio april ariel arjun arturo ashley audrey austin ava beatrice bianca boris "
        "brandon brenda brent brett brian brianna bridget brittany brooke bruce bruno bryan caleb camille carl carla carlos "
        "carmen carol caroline carolyn cassandra cecilia chad chelsea cheryl chloe claire clara claudia clay colin connor "
        "corey craig crystal curtis dana danielle darius darren dawn dean deepak denise derek diana diane diego dominic "
        "donna doris duane dustin dylan earl eduardo edgar eileen elaine elena ella ellen eric erica erik erin ernest "
        "esther ethan eva fatima felix fernando fiona francisco frankie gail gary gavin gina giovanni glen glenn gloria "
        "gordon grace graham grant guy hannah hans harvey hassan heather heidi herbert hiroshi holly howard hugh hugo ian "
        "ibrahim irene iris isaac ivan jamal jared jasmine javier jean jeanne jenna jerome jill jin joanne jodi jordan jorge "
        "jose joel juan juanita juergen jürgen justin karen karl karla katrina kayla keith kelly kelsey kerry kevin khalid "
        "kirsten klaus kristen kristin kristina kurt kyle lance laura lauren leah lee leila leon leona leroy lisa lloyd "
        "logan lois lola lorenzo loretta lorraine lucas lucia luis luke lydia lynn mackenzie malcolm manuel marcia marco "
        "marcus maria marian marianne mario marion marisa marjorie mark marlene marvin mason maureen maurice max mia miguel "
        "miranda mitchell mohamed mohammad mohammed monica morgan muhammad nadia naomi natalie natasha neil nina noah noel "
        "nora olga omar oscar otto pablo paige paul paula pauline pedro penny phoebe pierre priya rahul rajesh ralph ramon "
        "raul renee ricardo rita roberta roberto robin rodney rodrigo rosa ross roy ruben ruth ryan sally salvador sanjay "
        "sara scott sean sergio seth shane shannon shawn sheila shelby shirley sofia sonia sophia sophie spencer stacey "
        "stacy stefan stuart suresh suzanne tamara tanya tara tatiana taylor tiffany todd tony tracey tracy travis trevor "
        "troy tyler ursula vanessa vera vernon veronica vijay vivian wade warren wayne wolfgang xavier yasmin yolanda "
        "yusuf yvonne zoe"
    )
)
_TITLES = frozenset(word_list("mr mrs ms miss dr prof sir madam herr frau"))
_SUFFIXES = frozenset(word_list("jr sr ii iii iv md phd esq dds cpa inc llc ltd"))
_WORD = re.compile(r"[^\W\d_][^\W\d_.'’-]*(?:['’-][^\W\d_]+)*\.?")
_MOST_WORDS = 4
_SHARE = 0.25
_CHINESE_NAME = 4
"""Characters at most."""
_LEAST = 4


@cache
def _given() -> frozenset[str]:
    return _MORE | given_names()


def mostly_persons(names: Iterable[str]) -> bool:
    """From a quarter on: companies named after persons are far fewer, and no list has all given names."""
    seen = persons = 0
    for name in names:
        seen += 1
        persons += is_person(name)
    return seen > 0 and persons / seen >= _SHARE and (persons >= _LEAST or persons == seen)


def is_person(name: str) -> bool:
    if has_chinese(name) or not name or names_company(name):
        return False
    words = [word for word in name.replace(",", " ").split() if fold(word) not in _TITLES]
    if not 1 < len(words) <= _MOST_WORDS or not all(map(_WORD.fullmatch, words)):
        return False
    return bool({fold(words[0]), fold(words[1] if "," in name else words[0])} & _given())


def names_company(name: str) -> bool:
    """Whether a word in it is one of companies: `Ltd`, `Hospital`."""
    return "&" in name or any(word in _SIGNS for word in fold(name).split())


_SIGNS = (LATIN_FORMS | COMMON_WORDS) - frozenset(
    word_list("ag ab as sa of the and co global church early bank")
)


def turned(name: str) -> tuple[str, str] | None:
    """Given and family name of `Doe, John`; None when that is not how it is written."""
    family, comma, given = (part.strip() for part in name.partition(","))
    if not comma or "," in given or not given or fold(given) in _SUFFIXES:
        return None
    words = [*family.split(), *given.split()]
    return (given, family) if len(words) <= _MOST_WORDS and all(map(_WORD.fullmatch, words)) else None


def guess_kind(fields: dict[str, Any], *, persons: bool = False, organizations: bool = False) -> str:
    """Person or organisation from what the row holds; an organisation when nothing tells."""
    if fields.get("given_name") or fields.get("family_name") or fields.get("birth_date"):
        return "person"
    if any(item["kind"] == "tax_number" for item in fields.get("identifiers", [])):
        return "organization"
    name = fields.get("display_name", "")
    folded = fold(name).replace(" ", "")
    if not name:
        return "person"
    if has_chinese(folded):
        short = len(folded) <= _CHINESE_NAME and company_core(name) == folded and not organizations
        return "person" if short else "organization"
    return "person" if persons and not names_company(name) else "organization"

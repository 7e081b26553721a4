"""Keys under which likely duplicates meet, so that no record is compared with all others.

A key joins enough of a record to be shared by few others, and there are enough kinds of them that records with
several errors still share one.
"""

from __future__ import annotations

import hashlib

from taproot_customer.matching.companies import distinctive
from taproot_customer.matching.names import has_chinese
from taproot_customer.matching.outcomes import FREE_MAIL
from taproot_customer.matching.traits import Traits

BLOCK_LIMIT = 64
"""A block with more members says too little: what its members share, others have by chance."""
_VOWELS = str.maketrans("", "", "aeiouyhw ")


def blocking_keys(traits: Traits) -> frozenset[int]:
    """64-bit keys; two records that share none are taken to differ."""
    return frozenset(_hashed(key) for key in block_texts(traits))


def _hashed(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def block_texts(traits: Traits) -> set[str]:
    """The keys before hashing."""
    keys = {f"n:{kind}:{value}" for kind, value in traits.numbers}
    keys |= {f"p:{phone[-7:]}" for phone in traits.phones}
    keys |= {f"e:{email}" for email in traits.emails}
    keys |= {f"m:{email.partition('@')[0]}" for email in traits.emails if email.index("@") >= 5}
    keys |= _company_keys(traits) if traits.organization else _person_keys(traits)
    return keys | _place_keys(traits)


def _place_keys(traits: Traits) -> set[str]:
    if not (traits.words and traits.houses):
        return set()
    longest = max(traits.words, key=len)
    kind = "o" if traits.organization else "h"
    keys = {f"{kind}:{traits.houses[0]}:{longest[:6]}:{traits.city[:4]}"}
    return keys | {f"{kind}:{traits.postal}:{traits.words[0][:6]}"} if traits.postal else keys


def _company_keys(traits: Traits) -> set[str]:
    if not traits.name:
        return set()
    keys = {f"c:{traits.name_sound.replace(' ', '')[:24]}"}
    if has_chinese(traits.name):
        own = distinctive(traits.name)
        keys |= {f"c2:{own[:3]}", f"c3:{own[-4:]}", f"c4:{traits.name[:2]}{traits.name[-2:]}"}
    else:
        long = (word for word in traits.name.split() if len(word) > 2)
        words = sorted(long, key=lambda word: (-len(word), word))[:4]
        keys |= {f"cw:{a[:6]}:{b[:6]}" for a in words for b in words if a < b}
        if len(words) == 1 or len(traits.name.split()) == 1:
            keys.add(f"c1:{words[0][:7] if words else traits.name}")
        initials = "".join(word[0] for word in traits.name.split())
        keys.add(f"c:{initials}" if len(initials) > 2 else f"ci:{traits.name_sound}")
    domains = {email.rpartition("@")[2] for email in traits.emails} - FREE_MAIL
    return keys | {f"d:{domain}" for domain in domains}


def _person_keys(traits: Traits) -> set[str]:
    parts = [part.replace(" ", "") for part in (traits.given_sound, traits.family_sound) if part]
    chinese = traits.family != traits.family_sound
    keys = set()
    if parts:
        keys.add(f"w:{''.join(sorted(parts))}")
        skeletons = ".".join(sorted(_skeleton(part) for part in parts))
        if len(parts) > 1 and not chinese:  # a Chinese syllable has too little to leave out
            keys |= {f"k:{skeletons}", f"k:{skeletons}:{traits.birth[:4]}"}
        elif traits.birth:
            keys.add(f"w:{''.join(sorted(parts))}:{traits.birth[:4]}")
    for part, other in ((parts[0], parts[-1]), (parts[-1], parts[0])) if parts else ():
        short = f"{part[:5]}:{other[:1]}" if len(parts) > 1 else part[:5]
        if traits.birth:
            keys |= {f"y:{short}:{traits.birth[:4]}", f"d:{short}:{traits.birth[4:]}"}
            keys.add(f"b:{part[:1]}:{traits.birth}")
        if traits.postal:
            keys.add(f"z:{short}:{traits.postal}")
        elif traits.city:
            more = f"{part[:8]}:{other[:2]}" if chinese else short
            keys.add(f"l:{more}:{traits.city}")
    mails = (email.rpartition("@") for email in traits.emails)
    return keys | {f"d:{domain}:{mailbox[:2]}" for mailbox, _, domain in mails if domain not in FREE_MAIL}


def _skeleton(word: str) -> str:
    """First letter and the consonants behind: what most spelling errors leave alone."""
    rest = word[1:].translate(_VOWELS)
    squeezed = "".join(char for index, char in enumerate(rest) if index == 0 or rest[index - 1] != char)
    return (word[:1] + squeezed)[:5]

"""Keys under which likely duplicates meet, so that no record is compared with all others."""

from __future__ import annotations

from taproot_customer.matching.names import company_core, fold, has_chinese, pinyin
from taproot_customer.matching.score import Identity

_PREFIX = 4


def blocking_keys(identity: Identity) -> frozenset[str]:
    """Short texts; two records that share none are taken to differ."""
    keys = {f"n:{kind}:{value}" for kind, value in identity.numbers}
    keys |= {f"p:{phone}" for phone in identity.phones} | {f"e:{email}" for email in identity.emails}
    if identity.name:
        keys |= _company_keys(identity) if identity.organization else _person_keys(identity)
    return frozenset(keys)


def _company_keys(identity: Identity) -> set[str]:
    core = company_core(identity.name)
    if has_chinese(core):
        return {f"c:{core[:_PREFIX]}", f"c:{core[-_PREFIX:]}", f"c:{pinyin(core)[:12]}"}
    words = core.split()
    return {f"c:{words[0]}", f"c:{' '.join(sorted(words))[:12]}"}


def _person_keys(identity: Identity) -> set[str]:
    words = sorted(
        pinyin(fold(identity.name).replace(" ", "") if has_chinese(identity.name) else identity.name).split()
    )
    keys = {f"w:{' '.join(words)}", f"s:{' '.join(word[:3] for word in words)}"}
    born = identity.birth_date.isoformat() if identity.birth_date else ""
    if born:
        keys.add(f"b:{born}")
    for word in words:
        keys |= {
            f"{where}:{word[:_PREFIX]}"
            for where in (born[:4] and f"y{born[:4]}", identity.postal_code)
            if where
        }
    return keys

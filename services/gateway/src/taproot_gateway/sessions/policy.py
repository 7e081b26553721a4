"""What is refused as a password: too short, too common, made from the user's own name, or known to be stolen."""

from __future__ import annotations

import asyncio
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from taproot_gateway.sessions.model import (
    PasswordBreached,
    PasswordHasName,
    PasswordTooCommon,
    PasswordTooShort,
)

_LEAST_DIFFERENT = 5
_LEAST_NAME = 4
_LONGEST_PERIOD = 4
_LOOKS_LIKE = str.maketrans("013457@$!", "oleastasi")
# Words the first guesses are made of, with digits and signs around them or written with look-alikes.
_COMMON = frozenset(
    [
        "password",
        "passwort",
        "passwd",
        "pass",
        "mypassword",
        "thepassword",
        "qwerty",
        "qwertyuiop",
        "qwertz",
        "azerty",
        "asdfgh",
        "asdfghjkl",
        "zxcvbn",
        "zxcvbnm",
        "qazwsx",
        "qazwsxedc",
        "wasd",
        "admin",
        "administrator",
        "root",
        "superuser",
        "sysadmin",
        "user",
        "guest",
        "welcome",
        "welcometo",
        "letmein",
        "iloveyou",
        "loveyou",
        "ilove",
        "dragon",
        "monkey",
        "football",
        "baseball",
        "basketball",
        "soccer",
        "hockey",
        "superman",
        "batman",
        "spiderman",
        "sunshine",
        "princess",
        "master",
        "hello",
        "hellothere",
        "login",
        "logon",
        "signin",
        "changeme",
        "change",
        "secret",
        "topsecret",
        "test",
        "testing",
        "testtest",
        "tester",
        "demo",
        "default",
        "temp",
        "temporary",
        "taproot",
        "company",
        "office",
        "shadow",
        "michael",
        "jordan",
        "jennifer",
        "thomas",
        "charlie",
        "daniel",
        "ashley",
        "jessica",
        "hunter",
        "killer",
        "trustno",
        "starwars",
        "pokemon",
        "whatever",
        "freedom",
        "computer",
        "internet",
        "google",
        "samsung",
        "apple",
        "windows",
        "server",
        "database",
        "oracle",
        "microsoft",
        "cisco",
        "summer",
        "winter",
        "spring",
        "autumn",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "woaini",
        "woaiwojia",
        "nihao",
        "beijing",
        "shanghai",
        "shenzhen",
        "guangzhou",
        "zhongguo",
        "china",
        "wodemima",
        "mima",
        "abc",
        "abcd",
        "abcde",
        "abcdef",
        "abcdefg",
        "abcdefgh",
        "abcabc",
        "aaaaaa",
        "qwer",
        "asdf",
        "zxcv",
        "manager",
        "service",
        "customer",
        "support",
        "banking",
        "bank",
        "finance",
        "money",
        "cheese",
        "coffee",
        "flower",
        "lovely",
        "angel",
        "babygirl",
        "purple",
        "orange",
        "yellow",
        "silver",
        "golden",
        "diamond",
        "ferrari",
        "mercedes",
        "porsche",
        "corvette",
        "mustang",
        "chelsea",
        "arsenal",
        "liverpool",
        "barcelona",
        "juventus",
        "realmadrid",
    ]
)
_SEQUENCES = (
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik",
)


@dataclass(frozen=True)
class Policy:
    """`breached`: a file of SHA-1 hashes in order, one `HASH:COUNT` a line, as lists of stolen passwords come."""

    least: int
    breached: Path | None = None

    async def require(self, password: str, names: Iterable[str], field: str) -> None:
        """Raises PasswordTooShort, PasswordTooCommon, PasswordHasName, PasswordBreached.

        `names`: the user's names and address, which must not be part of it.
        """
        if len(password) < self.least:
            raise PasswordTooShort(field, self.least)
        folded = unicodedata.normalize("NFKC", password).casefold()
        if too_common(folded):
            raise PasswordTooCommon(field)
        if any(name in folded for name in _parts(names)):
            raise PasswordHasName(field)
        if self.breached is not None and await asyncio.to_thread(listed, self.breached, password):
            raise PasswordBreached(field)


def too_common(folded: str) -> bool:
    if len(set(folded)) < _LEAST_DIFFERENT or _repeats(folded):
        return True
    if any(folded in sequence * 2 or folded[::-1] in sequence * 2 for sequence in _SEQUENCES):
        return True
    bare = folded.strip("0123456789 _-.,;:+*#!?$&/()=@")
    letters = re.sub(r"[^a-z]", "", folded)
    spelled = {bare, letters, bare.translate(_LOOKS_LIKE), folded.translate(_LOOKS_LIKE)}
    return bool({re.sub(r"[^a-z]", "", one) for one in spelled} & _COMMON)


def listed(path: Path, password: str) -> bool:
    """Whether a sorted file of hashes has the password's: bisects the file, which may be many gigabytes."""
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as file:
        low, high = 0, path.stat().st_size
        while low < high:
            middle = (low + high) // 2
            file.seek(middle)
            if middle:
                file.readline()  # the rest of a line that began before
            line = file.readline()
            if line and line[: len(wanted)].upper() == wanted:
                return True
            if line and line[: len(wanted)].upper() < wanted:
                low = middle + 1
            else:
                high = middle
    return False


def _repeats(folded: str) -> bool:
    return any(folded == (folded[:n] * len(folded))[: len(folded)] for n in range(1, _LONGEST_PERIOD + 1))


def _parts(names: Iterable[str]) -> set[str]:
    """Of an address what stands before the `@`: many share the rest."""
    found = set()
    for name in names:
        folded = unicodedata.normalize("NFKC", name).casefold().partition("@")[0]
        found |= {folded, *re.split(r"[\s._+-]+", folded)}
    return {part for part in found if len(part) >= _LEAST_NAME}

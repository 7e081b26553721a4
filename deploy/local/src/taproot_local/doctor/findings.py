"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """`about`: what was looked at; `remedy`: what to do, empty when all is well."""

    level: Level
    about: str
    sentence: str
    remedy: str = ""

    def __str__(self) -> str:
        said = f"{self.level.upper():<8} {self.about}: {self.sentence}"
        return f"{said}\n{'':<9}-> {self.remedy}" if self.remedy else said


def ok(about: str, sentence: str) -> Finding:
    return Finding(Level.OK, about, sentence)


def warning(about: str, sentence: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, about, sentence, remedy)


def wrong(about: str, sentence: str, remedy: str) -> Finding:
    return Finding(Level.WRONG, about, sentence, remedy)

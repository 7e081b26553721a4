"""The files themselves: what they are, what they are called, where they lie."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass

import filetype

from taproot_base.errors import InvalidArgument, Violation

MOST_BYTES = 25 * 1024 * 1024
FOLDER = "attachments"
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True)
class File:
    display_name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def media_type(self) -> str:
        """By its first bytes; what only looks like text is plain text, be it HTML or SVG: nobody shall run it."""
        if found := filetype.guess_mime(self.content):
            return str(found)
        try:
            text = self.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return _UNKNOWN
        return _UNKNOWN if "\0" in text else "text/plain"


def checked(display_name: str, content: bytes) -> File:
    """Raises InvalidArgument for every fault."""
    faults = []
    name = clean_name(display_name)
    if not name:
        faults.append(Violation("display_name", "names no file"))
    if not content:
        faults.append(Violation("content", "is empty"))
    if len(content) > MOST_BYTES:
        faults.append(Violation("content", f"is longer than {MOST_BYTES} bytes"))
    if faults:
        raise InvalidArgument(faults)
    return File(name, content)


def clean_name(given: str) -> str:
    """Without a path and without what is invisible, such as marks that turn `gpj.exe` around."""
    last = given.replace("\\", "/").rpartition("/")[2]
    shown = "".join(one for one in last if unicodedata.category(one)[0] != "C")
    return "" if shown.strip(" .") == "" else shown.strip()

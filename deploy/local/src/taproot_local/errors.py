"""The one exception that reaches the terminal as a sentence."""

from __future__ import annotations


class LocalError(Exception):
    """Something the person at the keyboard can mend; the message is one clear sentence."""

"""The feedback clock of a lead. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

FEEDBACK_WITHIN = timedelta(days=7)
REMIND_BEFORE = timedelta(days=2)


def feedback_due(assigned_at: datetime) -> datetime:
    return assigned_at + FEEDBACK_WITHIN


def remind_at(due: datetime) -> datetime:
    return due - REMIND_BEFORE

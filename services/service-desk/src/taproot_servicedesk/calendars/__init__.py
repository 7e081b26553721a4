"""Calendars: opening hours and business time."""

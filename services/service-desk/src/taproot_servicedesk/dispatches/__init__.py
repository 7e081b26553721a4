"""Dispatches: offers of repairs to stations."""

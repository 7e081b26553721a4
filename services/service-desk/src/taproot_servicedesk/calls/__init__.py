"""Calls: who is calling, and the call log."""

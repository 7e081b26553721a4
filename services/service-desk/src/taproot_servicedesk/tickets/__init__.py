"""Tickets: the cases themselves."""

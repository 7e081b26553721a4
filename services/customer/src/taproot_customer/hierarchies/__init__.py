"""Hierarchies: groups, subsidiaries and households."""

"""Roles: what users may do, on whose records, and what they do not see."""

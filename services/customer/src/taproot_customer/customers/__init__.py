"""Customers: the record itself."""

"""Customers opened to others than those they belong to."""

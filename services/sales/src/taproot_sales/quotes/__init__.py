"""Offers with versions, approval and acceptance."""

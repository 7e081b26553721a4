"""Opportunities: deals in the making."""

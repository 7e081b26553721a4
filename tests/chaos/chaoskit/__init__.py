"""Faults by a seed while the suite works, and what must hold afterwards (ADR 0040)."""

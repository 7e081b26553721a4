"""Pools: customers nobody owns, who claims them, and when they come back."""

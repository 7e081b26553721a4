"""Transfers: many customers change hands together, and back."""

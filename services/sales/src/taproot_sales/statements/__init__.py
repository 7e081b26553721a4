"""Statements of account."""

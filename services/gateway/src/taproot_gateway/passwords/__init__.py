"""Passwords of people who cannot sign in: forgotten ones, and first ones."""

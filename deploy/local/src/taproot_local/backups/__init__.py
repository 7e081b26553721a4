"""Backups of a whole installation at one point, and their restoration."""

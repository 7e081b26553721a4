"""Stations: who repairs."""

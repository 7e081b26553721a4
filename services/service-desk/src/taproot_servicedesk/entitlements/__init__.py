"""Entitlements: what a customer may claim."""

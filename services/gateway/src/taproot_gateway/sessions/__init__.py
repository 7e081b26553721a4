"""Signing in and out: passwords, sessions and the lock after repeated failures."""

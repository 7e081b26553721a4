"""Promises of time on tickets."""

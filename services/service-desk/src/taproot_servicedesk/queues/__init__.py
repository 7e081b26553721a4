"""Queues: where tickets wait."""

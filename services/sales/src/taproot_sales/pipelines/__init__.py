"""Pipelines: the stages deals go through."""

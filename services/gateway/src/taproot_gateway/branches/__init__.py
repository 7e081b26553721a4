"""Branches: the tree of offices. Paths are made of codes that never change."""

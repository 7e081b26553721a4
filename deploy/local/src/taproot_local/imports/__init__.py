"""Loads other systems' files through the public API, as recipes say."""

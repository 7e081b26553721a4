"""Configuration of whole lines of business: types, fields and segments as files, applied through the public API."""

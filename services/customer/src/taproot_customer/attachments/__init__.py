"""Files on customers."""

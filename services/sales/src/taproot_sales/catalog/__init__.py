"""The catalogue: what the enterprise sells."""

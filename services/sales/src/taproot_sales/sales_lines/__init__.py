"""Lines and totals, the same for quotes and orders."""

"""The customer service: one lifetime record per real customer."""

"""Orders from draft to delivery and return."""

"""Leads: captured, scored, assigned, followed up, converted or lost."""

"""What this service holds of one person, and how it forgets."""

"""What a service holds of one person: declared once, gathered and erased by it."""

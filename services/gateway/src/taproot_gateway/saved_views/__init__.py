"""Keys with which programs call in the name of a user."""

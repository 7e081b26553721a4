"""Users: who signs in, staff and customers on the portal."""

"""What this service knows of customers and users: projections of their events."""

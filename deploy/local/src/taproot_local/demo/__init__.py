"""The demo enterprise: what it is made of, its history, and one customer's whole life played through the API."""

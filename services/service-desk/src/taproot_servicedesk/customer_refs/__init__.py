"""Customers as the service desk knows them."""

"""Payments and their allocation to invoices."""

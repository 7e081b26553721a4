"""What quotes, orders and invoices come to: exact, without I/O."""

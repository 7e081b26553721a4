"""Invoices, credit notes, credit limits and the ledger of customers' accounts."""

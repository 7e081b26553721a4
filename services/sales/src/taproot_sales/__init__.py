"""The sales service: leads, deals, catalogue, quotes, orders and receivables."""

"""Taproot on one machine: embedded PostgreSQL and NATS, the five services, and the `taproot` command."""

"""The chain over a service's audit: sealing it in blocks, verifying it, exporting it; and listing its events."""

"""Records between contract and table: mapped, read, written and served the same way in every service."""

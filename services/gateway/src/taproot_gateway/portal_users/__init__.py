"""Portal users: people of customers, invited by mail."""

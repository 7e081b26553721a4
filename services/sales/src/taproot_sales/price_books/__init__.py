"""Price books and the prices they give."""

"""What all services share: thin, no domain words, nothing happens on import."""

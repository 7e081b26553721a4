"""How every service runs: RPCs, events, operations and jobs; no domain words, nothing happens on import."""

"""Servers for trying Taproot out in containers; production brings its own."""

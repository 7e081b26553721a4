"""The HTTP door: plain ASGI, no framework between the server and a call."""

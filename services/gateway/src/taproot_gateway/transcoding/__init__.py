"""REST/JSON to gRPC, compiled at start-up from the contracts; nothing here knows a particular RPC."""

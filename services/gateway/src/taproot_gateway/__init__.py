"""The gateway: REST and gRPC doors, and the identity service behind them."""

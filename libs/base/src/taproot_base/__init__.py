"""What everything stands on: callers and their rights, errors, contracts, settings, telemetry, time, text."""

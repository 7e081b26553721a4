"""Webhooks: events sent to addresses outside, signed, tried again, and never more than their owner may see."""

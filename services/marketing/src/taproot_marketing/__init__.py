"""The marketing service: forms, templates, journeys, campaigns, deliveries, scores and loyalty."""

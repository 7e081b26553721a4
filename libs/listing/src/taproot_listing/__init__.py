"""Lists: one filter language, ordering, pages and aggregates over a per-resource allow-list of fields."""

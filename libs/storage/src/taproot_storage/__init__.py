"""PostgreSQL: the unit of work, who sees which row, statements, models, schema and its migrations."""

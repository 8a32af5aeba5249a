"""A library of a team: PostgreSQL is the truth, pgvector and its full-text index find in it."""

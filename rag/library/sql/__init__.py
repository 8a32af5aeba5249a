"""The store of a library in the SQL that SQLite and PostgreSQL share."""

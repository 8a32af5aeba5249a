"""Training of the adapters; nothing at run time imports it."""

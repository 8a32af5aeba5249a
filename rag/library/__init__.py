"""The durable store of a library and its indexes."""

"""The checks that hold a claim to its sources, and what they compare."""

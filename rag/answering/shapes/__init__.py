"""The shapes of an answer, a function each."""

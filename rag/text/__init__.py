"""Text as people write it: sentences, words, quantities, quotations."""

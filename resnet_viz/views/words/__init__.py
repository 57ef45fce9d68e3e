"""Facts in words: sentences for comparisons and advice."""

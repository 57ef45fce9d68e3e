"""Two networks, or one network at two input sizes, compared layer by layer."""

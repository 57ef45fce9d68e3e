"""The inspector: all that is known of one part of a network, with formulas filled in."""

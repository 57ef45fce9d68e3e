"""Advice: what does not suit a network and its input, and the fixes, each with its effect."""

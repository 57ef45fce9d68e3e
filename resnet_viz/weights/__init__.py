"""Weights: random, published, shipped or from a checkpoint; adapted and exported."""

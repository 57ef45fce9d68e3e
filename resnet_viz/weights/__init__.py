"""Weights: random, published, shipped with the package or from a checkpoint; adapted and exported."""

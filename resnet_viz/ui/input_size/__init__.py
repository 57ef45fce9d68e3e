"""The page Input size: one module for each of its panels."""

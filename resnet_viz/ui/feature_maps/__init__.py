"""The page Feature maps: one module for each of its parts."""

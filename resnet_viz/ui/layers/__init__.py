"""The page Layers: the table of operations, the cost treemap and the FLOP counters."""

"""The page Architecture: the block graph and the inspector."""
